/** A pod, as far as commands name it. */
export interface CommandPod {
  readonly name: string;
  /** Address of its events; its port is what is forwarded to. */
  readonly events: string;
}

/** Commands that show what the cluster can do, for one of its pods. */
export function kubectlCommands(
  apiServer: string,
  { name: pod, events }: CommandPod = { name: 'POD', events: '' },
): readonly string[] {
  const kubectl = `kubectl --server=${apiServer}`;
  return [
    `${kubectl} get pods -o wide`,
    `${kubectl} logs -f ${pod}`,
    `${kubectl} exec -it ${pod} -- sh`,
    `${kubectl} attach -i ${pod}`,
    `${kubectl} cp ./some-file ${pod}:some-file`,
    `${kubectl} port-forward ${pod} 8888:${portOf(events)}`,
    `${kubectl} delete pod ${pod}`,
  ];
}

function portOf(address: string): string {
  return URL.canParse(address) ? new URL(address).port : 'PORT';
}
