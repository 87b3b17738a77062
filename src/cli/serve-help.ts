/** What `trunkline serve --help` says after the options. */
export const SERVE_HELP = `
Whatever is published on one pod reaches the clients of all pods. A pod is ready (GET /readyz) once it has the history of
the others; on SIGTERM it hands over what it has, lets its clients go to the other pods, and exits.

Without --publish-token-file only clients on this machine may publish.

Try it, with two pods on this machine:
  $ trunkline serve --port 8001 --internal-port 7001 --peers static:127.0.0.1:7001,127.0.0.1:7002
  $ trunkline serve --port 8002 --internal-port 7002 --peers static:127.0.0.1:7001,127.0.0.1:7002
  $ curl -N 'http://127.0.0.1:8001/events?stream=news'
  $ curl -d 'hello' 'http://127.0.0.1:8002/publish?stream=news'

In Kubernetes (see deploy/), with POD_NAME, POD_IP and POD_NAMESPACE from the downward API:
  $ trunkline serve --peers kubernetes --selector app=web --secret-file /etc/mesh/secret \\
      --publish-token-file /etc/publish/token

Publishing:
  $ curl -H 'Content-Type: application/json' -d '{"id":7}' "$URL/publish?stream=orders&type=placed&key=order-7"
  $ curl -H "Authorization: Bearer $TOKEN" -d 'hello' "$URL/publish?stream=news&ack=all"
  $ curl "$URL/streams"     who follows, on all pods
  $ curl "$URL/status"      how this pod does`;
