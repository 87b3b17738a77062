// A process of many clients; see messages.ts for what it is told and tells.
import { FollowingClient } from './following-client.js';
import type { ClientReport, FromClients, PublishedTable, ToClients } from './messages.js';
import { seededRandom } from '../../../../src/testing/index.js';

const EXAMPLES = 5;

const clients: FollowingClient[] = [];
let targets: readonly string[] = [];
let connected = 0;
let published: PublishedTable | undefined;
let told = false;

process.on('message', (message: ToClients) => {
  switch (message.kind) {
    case 'start':
      return start(message);
    case 'targets':
      targets = message.urls;
      return;
    case 'published':
      published = message.events;
      for (const { tally } of clients) tally.expect(published.required);
      return look();
    case 'report':
      return tell(false);
  }
});
// The test ended, however it did.
process.on('disconnect', () => process.exit());

function start({ clients: count, streams, seed }: Extract<ToClients, { kind: 'start' }>): void {
  const random = seededRandom(seed);
  const query = streams.map((stream) => `stream=${encodeURIComponent(stream)}`).join('&');
  for (let i = 0; i < count; i++) {
    clients.push(
      new FollowingClient({
        targets: () => targets,
        query,
        random,
        onConnected: () => {
          connected += 1;
          if (connected === count) send({ kind: 'connected' });
        },
        onEvent: look,
      }),
    );
  }
}

function look(): void {
  if (published !== undefined && !told && clients.every(({ tally }) => tally.missing === 0)) tell(true);
}

function tell(complete: boolean): void {
  told = true;
  send({ kind: 'report', complete, report: reportOf(published ?? { origin: [], n: [], required: [] }) });
}

function reportOf(events: PublishedTable): ClientReport {
  const examples: string[] = [];
  const note = (text: string): void => {
    if (examples.length < EXAMPLES) examples.push(text);
  };
  let [received, extra, missing, repeats, disordered, reconnects, failures] = [0, 0, 0, 0, 0, 0, 0];
  for (const [id, client] of clients.entries()) {
    const { tally } = client;
    received += tally.received;
    extra += tally.extra(events);
    repeats += tally.repeats;
    reconnects += client.reconnects;
    failures += client.failures;
    const lacking = tally.lacking(Infinity);
    missing += lacking.length;
    const name = (index: number): string => `${index} (${events.origin[index]}:${events.n[index]})`;
    if (lacking.length > 0) note(`client ${id} lacks ${lacking.slice(0, EXAMPLES).map(name).join(', ')}`);
    if (tally.repeats > 0) note(`client ${id} saw ${tally.repeats} events twice`);
    const disorder = tally.disorder(events);
    disordered += disorder.length;
    for (const { before, after } of disorder) note(`client ${id} saw ${name(before)} before ${name(after)}`);
  }
  const gaps = clients.flatMap((client) => client.gaps);
  return {
    clients: clients.length,
    received,
    extra,
    missing,
    repeats,
    disordered,
    reconnects,
    failures,
    gaps,
    examples,
  };
}

function send(message: FromClients): void {
  process.send?.(message);
}
