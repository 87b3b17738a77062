/** What the root of the public port tells. */
export const INDEX = `A pod of a Trunkline mesh.

GET  /events?stream=NAME             follow a stream: server-sent events, or a WebSocket (Upgrade);
                                     &wait=true a long poll, &watch=true a watch in lines of JSON
GET  /v2/keys/NAME?wait=true         a long poll as etcd v2 has it
POST /publish?stream=NAME            publish the body: text, or JSON by its Content-Type;
                                     &type=TYPE &key=KEY &ack=local|one|all &timeout=MS &batch=true
GET  /streams                        who follows, on all pods
GET  /status                         how this pod does
GET  /metrics                        the same for Prometheus
GET  /healthz, /readyz               for probes
`;
