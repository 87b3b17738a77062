// The ready-made pod inside a program of one's own: its routes beside yours, and your rules for who may do what.
// Run two, each in a terminal of its own, and open the addresses that they print:
//   node examples/mesh-server.js 1
//   node examples/mesh-server.js 2
import { StaticPeerFinder } from 'trunkline/mesh';
import { PodServer } from 'trunkline/serve';

const index = Number(process.argv[2] ?? 1);
const internal = (i) => `127.0.0.1:${7200 + i}`;

/** Who it is: here whoever the cookie says. Yours would look at a session. */
const userOf = (cookie = '') => /(?:^|; )user=(\w{1,20})/.exec(cookie)?.[1];

const pod = new PodServer({
  name: `pod-${index}`,
  port: 8200 + index,
  internalPort: 7200 + index,
  finder: new StaticPeerFinder([internal(1), internal(2)], { self: internal(index) }),
  secret: process.env.MESH_SECRET ?? 'only for this machine',
  // Asked for each request to follow, to publish and to inspect, over each transport.
  authorize({ action, streams, header }) {
    const user = userOf(header('cookie'));
    if (user === undefined) return { status: 401, body: 'who are you?\n' };
    const own = streams.every((stream) => stream === 'room' || stream === `inbox.${user}`);
    return action === 'publish' || action === 'follow' ? own && { peer: user } : user === 'admin';
  },
  // All paths but /events, /publish, /streams, /status, /metrics, /healthz, /readyz and /v2/keys.
  requests(req, res) {
    if (req.url !== '/') return res.writeHead(404).end();
    const user = userOf(req.headers.cookie) ?? `guest${Math.ceil(Math.random() * 1000)}`;
    res.setHeader('Set-Cookie', `user=${user}; SameSite=Strict; HttpOnly`);
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    res.end(page(user));
  },
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => pod.close());
await pod.start();
console.log(`${pod.name} is ready: ${pod.url}
  curl -N -b user=ann '${pod.url}/events?stream=room'
  curl -b user=ann -d hello '${pod.url}/publish?stream=room'
  curl -b user=admin ${pod.url}/streams`);

function page(user) {
  return `<!doctype html><meta charset="utf-8"><title>${pod.name}</title>
<h1>You are ${user}, at ${pod.name}</h1>
<form><input name="text" autofocus autocomplete="off" aria-label="Message"><button>Send</button></form>
<ol id="list"></ol>
<script>
  // The browser connects again by itself, and gets what it missed: stop this pod while the other one talks.
  const source = new EventSource('/events?stream=room');
  source.onmessage = ({ data }) => list.append(Object.assign(document.createElement('li'), { textContent: data }));
  document.forms[0].onsubmit = async (event) => {
    event.preventDefault();
    const { text } = event.target.elements;
    await fetch('/publish?stream=room', { method: 'POST', body: '${user}: ' + text.value });
    text.value = '';
  };
</script>`;
}
