// Runs commands through an exec endpoint, such as examples/exec-server-http.js or any Kubernetes API server.
// Run: node examples/exec-client.js [address of the exec endpoint]
import { exec } from 'trunkline/remotecommand';

const url = process.argv[2] ?? 'http://127.0.0.1:8011/api/v1/namespaces/default/pods/demo/exec';

// WebSocket first; SPDY when the server refuses it.
const hello = await exec(url, { command: ['echo', 'hello'] });
console.log(`${hello.transport}, ${hello.protocol}: ${hello.stdout.trim()}, exit code ${hello.exitCode}`);

// Half-close: the command sees the end of its input, and its output and exit code still arrive.
const count = await exec(url, { command: ['wc', '-c'], stdin: 'twelve bytes', transport: 'spdy' });
console.log(`${count.transport}, ${count.protocol}: counted ${count.stdout.trim()} bytes`);

const failed = await exec(url, { command: ['sh', '-c', 'echo oops >&2; exit 7'] });
console.log(`exit code ${failed.exitCode}, stderr: ${failed.stderr.trim()}`);
