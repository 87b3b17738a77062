import { systemClock } from '../../clock/clock.js';
import { kubectlCommands } from '../commands.js';
import type { Snapshot } from '../state.js';
import { byId, Keyed, make, setText } from './dom.js';

/** Commands to copy. */
export class CommandList {
  readonly #items = new Keyed<string, HTMLLIElement>(byId('command-list', HTMLUListElement), makeCommand);
  #shown = '';

  update({ apiServer, pods }: Snapshot): void {
    const [pod] = pods;
    const given = pod === undefined ? undefined : { name: pod.name, events: `http://${pod.address}/events` };
    const commands = [...kubectlCommands(apiServer, given), `curl -N '${location.origin}/events?stream=demo'`];
    if (commands.join('\n') === this.#shown) return;
    this.#shown = commands.join('\n');
    this.#items.update(
      commands,
      (command) => command,
      () => {},
    );
  }
}

function makeCommand(command: string): HTMLLIElement {
  const code = make('code', { text: command, attributes: { tabindex: '0' } });
  const button = make('button', {
    text: 'Copy',
    attributes: { type: 'button', 'aria-label': `Copy ${command}` },
    onClick: () => void copy(command, code, button),
  });
  return make('li', { children: [code, button] });
}

async function copy(command: string, code: HTMLElement, button: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(command);
    setText(button, 'Copied');
  } catch {
    getSelection()?.selectAllChildren(code);
    setText(button, 'Ctrl-C');
  }
  systemClock.setTimeout(() => setText(button, 'Copy'), 1_500);
}
