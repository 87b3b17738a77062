import { FitAddon } from '@xterm/addon-fit';
import { Terminal, type ITheme } from '@xterm/xterm';
import type { Snapshot } from '../state.js';
import {
  channelMessage,
  describeStatus,
  EXEC_PROTOCOL,
  sizeMessage,
  STATUS,
  STDERR,
  STDIN,
  STDOUT,
} from './channels.js';
import { offerPods } from './choose-pod.js';
import { byId, setText } from './dom.js';
import { shortName } from './format.js';

const CLOSED_BY_USER = 1_000;

/** A terminal in a pod: xterm.js over exec with a pseudo-terminal. */
export class PodTerminal {
  readonly #root = byId('terminal', HTMLElement);
  readonly #pod = byId('terminal-pod', HTMLSelectElement);
  readonly #command = byId('terminal-command', HTMLInputElement);
  readonly #close = byId('terminal-close', HTMLButtonElement);
  readonly #note = byId('terminal-note', HTMLElement);
  #terminal: Terminal | undefined;
  #fit: FitAddon | undefined;
  #socket: WebSocket | undefined;

  constructor() {
    byId('terminal-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.open(this.#pod.value);
    });
    this.#close.addEventListener('click', () => this.#socket?.close(CLOSED_BY_USER));
    new ResizeObserver(() => this.#fitNow()).observe(this.#root);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      if (this.#terminal !== undefined) this.#terminal.options.theme = themeNow();
    });
  }

  update({ pods }: Snapshot): void {
    offerPods(this.#pod, pods);
  }

  /** Runs the command in a pod, in place of what runs. */
  open(pod: string): void {
    if (pod === '') return;
    this.#pod.value = pod;
    this.#socket?.close(CLOSED_BY_USER);
    const terminal = this.#freshTerminal();
    const command = wordsOf(this.#command.value).map((word) => `command=${encodeURIComponent(word)}`);
    const address = `${location.origin.replace(/^http/, 'ws')}/exec/${encodeURIComponent(pod)}?${command.join('&')}`;
    const socket = new WebSocket(address, [EXEC_PROTOCOL]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#close.disabled = false;
    setText(this.#note, `Opening ${this.#command.value} in ${pod}.`);
    let opened = false;
    let ending = '';
    socket.addEventListener('open', () => {
      opened = true;
      socket.send(sizeMessage(terminal.cols, terminal.rows));
      setText(this.#note, `${this.#command.value} in ${shortName(pod)}. F6 leaves the terminal.`);
      terminal.focus();
    });
    socket.addEventListener('message', ({ data }) => {
      const bytes = new Uint8Array(data as ArrayBuffer);
      const [channel] = bytes;
      const content = bytes.subarray(1);
      if (channel === STDOUT || channel === STDERR) terminal.write(content);
      else if (channel === STATUS) ending = describeStatus(new TextDecoder().decode(content));
    });
    socket.addEventListener('close', ({ code }) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#close.disabled = true;
      const lost = opened
        ? code === CLOSED_BY_USER
          ? 'Closed.'
          : 'The connection is lost.'
        : 'It could not be opened.';
      setText(this.#note, ending === '' ? lost : ending);
      terminal.options.disableStdin = true;
    });
  }

  #freshTerminal(): Terminal {
    this.#terminal?.dispose();
    const terminal = new Terminal({
      theme: themeNow(),
      fontFamily: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
      fontSize: 13,
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      scrollback: 5_000,
    });
    this.#terminal = terminal;
    this.#fit = new FitAddon();
    terminal.loadAddon(this.#fit);
    this.#root.replaceChildren();
    terminal.open(this.#root);
    terminal.attachCustomKeyEventHandler((event) => {
      // A terminal takes Tab, so that another key has to lead out of it.
      if (event.key !== 'F6') return true;
      if (event.type === 'keydown') {
        event.preventDefault();
        this.#close.focus();
      }
      return false;
    });
    terminal.onData((data) => this.#send(channelMessage(STDIN, data)));
    terminal.onBinary((data) =>
      this.#send(
        channelMessage(
          STDIN,
          Uint8Array.from(data, (character) => character.charCodeAt(0)),
        ),
      ),
    );
    terminal.onResize(({ cols, rows }) => this.#send(sizeMessage(cols, rows)));
    this.#fitNow();
    return terminal;
  }

  #fitNow(): void {
    if (this.#root.clientWidth > 0) this.#fit?.fit();
  }

  #send(message: Uint8Array<ArrayBuffer>): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(message);
  }
}

/** Words of a command line, by spaces; quotes keep them together. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
}

function themeNow(): ITheme {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  return {
    background: color('--terminal'),
    foreground: color('--terminal-ink'),
    cursor: color('--accent'),
    selectionBackground: color('--selection'),
  };
}
