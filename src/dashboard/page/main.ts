import { systemClock } from '../../clock/clock.js';
import type { Notice, Snapshot } from '../state.js';
import { Charts } from './charts.js';
import { PodColors } from './colors.js';
import { CommandList } from './command-list.js';
import { byId, setText } from './dom.js';
import { Feed } from './feed.js';
import { Figures } from './figures.js';
import { Fleet } from './fleet.js';
import { PodLogs } from './logs.js';
import { PodRows } from './pod-rows.js';
import { PublishBox } from './publish-box.js';
import { ResumeCard } from './resume-card.js';
import { StateFeed } from './state-feed.js';
import { allowOwnStyles } from './style-nonce.js';
import { Tabs } from './tabs.js';
import { PodTerminal } from './terminal.js';
import { Toast } from './toast.js';
import { Topology } from './topology.js';
import { Tunnel } from './tunnel.js';

/** Milliseconds after which what happened is history, and not said aloud. */
const NEWS = 4_000;
/** Milliseconds between two drawings of the demonstration. */
const DRAW_EVERY = 120;

allowOwnStyles();
const tunnel = new Tunnel();
const colors = new PodColors();
const toast = new Toast();
const say = (text: string): void => toast.say(text);
const tabs = new Tabs(['tab-terminal', 'tab-logs']);
const terminal = new PodTerminal();
const logs = new PodLogs(tunnel);
const topology = new Topology(byId('graph', HTMLElement), colors);
const rows = new PodRows(colors, {
  say,
  openTerminal(pod) {
    tabs.select('tab-terminal');
    show('inside');
    terminal.open(pod);
  },
  openLogs(pod) {
    tabs.select('tab-logs');
    show('inside');
    logs.follow(pod);
    byId('logs', HTMLElement).focus();
  },
});
const charts = new Charts();
const feed = new Feed(tunnel, colors);
const publishBox = new PublishBox();
const figures = new Figures();
const commands = new CommandList();

let drawing = false;
let last: Snapshot | undefined;
const fleet = new Fleet(tunnel, drawSoon);
const resume = new ResumeCard(fleet, colors, say);

function show(id: string): void {
  const smooth = matchMedia('(prefers-reduced-motion: no-preference)').matches;
  byId(id, HTMLElement).scrollIntoView({ behavior: smooth ? 'smooth' : 'auto', block: 'start' });
}

/** Some times a second, however much has changed. */
function drawSoon(): void {
  if (drawing) return;
  drawing = true;
  systemClock.setTimeout(() => {
    requestAnimationFrame(() => {
      drawing = false;
      const { view } = fleet;
      resume.show(view);
      topology.showFleet(view);
    });
  }, DRAW_EVERY);
}

function update(snapshot: Snapshot): void {
  const { pods } = snapshot;
  const telling = pods.some(({ report }) => report === 'live');
  // Pods that are only on their way do not make it another program.
  const other = pods.length > 0 && pods.every(({ report }) => report === 'none');
  if (telling || other) document.body.dataset['telling'] = telling ? 'yes' : 'no';
  byId('own-program', HTMLElement).hidden = !other;
  if (telling) feed.start();
  for (const part of [topology, rows, publishBox, figures, commands, terminal, logs, feed]) part.update(snapshot);
  setText(byId('topology-note', HTMLElement), other ? '' : `${snapshot.links.length} links`);
  resume.updatePods(snapshot);
  charts.draw();
  drawSoon();
}

/** What a new connection replays is drawn once. */
function snapshotCame(snapshot: Snapshot): void {
  last = snapshot;
  colors.update(snapshot.pods.map(({ name }) => name));
  charts.add(snapshot);
  scheduleUpdate();
}

let updating = false;
function scheduleUpdate(): void {
  if (updating) return;
  updating = true;
  requestAnimationFrame(() => {
    updating = false;
    if (last !== undefined) update(last);
  });
}

let lastNotice = 0;
function noticeCame(notice: Notice): void {
  // A new connection tells again what was told.
  if (notice.time <= lastNotice) return;
  lastNotice = notice.time;
  feed.notice(notice);
  if (new Date().getTime() - notice.time < NEWS) say(`${notice.pod} ${notice.text}`);
}

const connection = byId('connection', HTMLElement);
new StateFeed({
  snapshot: snapshotCame,
  notice: noticeCame,
  connection(connected) {
    connection.dataset['state'] = connected ? 'live' : 'lost';
    setText(connection, connected ? 'live' : 'the cluster does not answer');
  },
}).open();
