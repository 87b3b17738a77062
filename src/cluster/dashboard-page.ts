/** A pod as the page shows it. */
export interface DashboardPod {
  readonly name: string;
  readonly ip: string;
  readonly status: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly events: string;
}

/** Makes text harmless in HTML, between tags and in quoted attributes. */
export function escapeHTML(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .4rem .8rem .4rem 0; text-align: left; border-bottom: 1px solid #8884; vertical-align: top; }
code { font: .9rem ui-monospace, monospace; }
li { margin: .4rem 0; display: flex; gap: .8rem; align-items: baseline; }
ul { padding: 0; }
li code { overflow-x: auto; white-space: nowrap; }
button { font: inherit; font-size: .8rem; }
#offline { color: #b00; }
`;

const SCRIPT = `
for (const button of document.querySelectorAll('button')) {
  button.addEventListener('click', async () => {
    const code = button.parentElement.querySelector('code');
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = 'Press Ctrl-C';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
}
async function refresh() {
  try {
    const pods = await (await fetch('/pods.json')).json();
    document.getElementById('offline').hidden = true;
    for (const pod of pods) {
      const row = document.getElementById('pod-' + pod.name);
      if (!row) continue;
      row.querySelector('.ready').textContent = pod.ready ? 'yes' : 'no';
      row.querySelector('.status').textContent = pod.status;
      row.querySelector('.restarts').textContent = pod.restarts;
    }
  } catch {
    document.getElementById('offline').hidden = false;
  }
}
setInterval(refresh, 2000);
`;

/** The page: pods with links to their events, and commands to copy. */
export function dashboardPage(apiServer: string, pods: readonly DashboardPod[], nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Trunkline cluster</title>
<style nonce="${escapeHTML(nonce)}">${STYLE}</style>
</head>
<body>
<h1>Trunkline cluster</h1>
<p>API server: <code>${escapeHTML(apiServer)}</code> <span id="offline" hidden>The cluster does not answer.</span></p>
<h2>Pods</h2>
<table>
<thead><tr><th>Name</th><th>IP</th><th>Ready</th><th>Status</th><th>Restarts</th><th>Events</th></tr></thead>
<tbody>
${pods.map(row).join('\n')}
</tbody>
</table>
<h2>Try it</h2>
<ul>
${kubectlCommands(apiServer, pods[0]).map(command).join('\n')}
</ul>
<script nonce="${escapeHTML(nonce)}">${SCRIPT}</script>
</body>
</html>
`;
}

/** Commands that show what the cluster can do, for one of its pods. */
export function kubectlCommands(
  apiServer: string,
  { name: pod, events }: Pick<DashboardPod, 'name' | 'events'> = {
    name: 'POD',
    events: '',
  },
): readonly string[] {
  const kubectl = `kubectl --server=${apiServer}`;
  return [
    `${kubectl} get pods -o wide`,
    `${kubectl} logs -f ${pod}`,
    `${kubectl} exec -it ${pod} -- sh`,
    `${kubectl} attach -i ${pod}`,
    `${kubectl} cp ./some-file ${pod}:some-file`,
    `${kubectl} port-forward ${pod} 8888:${URL.canParse(events) ? new URL(events).port : 'PORT'}`,
  ];
}

function row({ name, ip, status, ready, restarts, events }: DashboardPod): string {
  const cells = [
    `<td><code>${escapeHTML(name)}</code></td>`,
    `<td>${escapeHTML(ip)}</td>`,
    `<td class="ready">${ready ? 'yes' : 'no'}</td>`,
    `<td class="status">${escapeHTML(status)}</td>`,
    `<td class="restarts">${restarts}</td>`,
    `<td><a href="${escapeHTML(events)}">${escapeHTML(events)}</a></td>`,
  ];
  return `<tr id="pod-${escapeHTML(name)}">${cells.join('')}</tr>`;
}

function command(text: string): string {
  return `<li><button type="button">Copy</button><code>${escapeHTML(text)}</code></li>`;
}
