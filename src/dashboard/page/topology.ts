import type { LinkView, PodView, Snapshot } from '../state.js';
import type { PodColors } from './colors.js';
import { draw, Keyed, mayMove, setAttributes, setText } from './dom.js';
import type { FleetClient, FleetView } from './fleet.js';
import { formatDuration, formatRate, shortName } from './format.js';
import { between, layOut, orbit, type Layout, type Point } from './geometry.js';

/** Clients that are drawn around one pod; of more only the number is told. */
const MOST_DOTS = 48;
/** Links with a label each; with more there is no room. */
const MOST_LABELS = 15;

/** Links that are drawn in full strength. */
const CROWD = 60;
/** Pixels below which links tell their round trip only. */
const NARROW = 460;

interface Placed {
  readonly pod: PodView;
  readonly at: Point;
}

/** Clients that are not of the demonstration, by the pod that they are on. */
interface Dot {
  readonly key: string;
  readonly at: Point;
}

/** The drawing of pods, their links and their clients. */
export class Topology {
  readonly #root: HTMLElement;
  readonly #colors: PodColors;
  readonly #svg = draw('svg', { attributes: { role: 'img' } });
  readonly #pulses = draw('g', { class: 'pulses' });
  readonly #lines: Keyed<LinkView, SVGLineElement>;
  readonly #labels: Keyed<LinkView, SVGGElement>;
  readonly #pods: Keyed<Placed, SVGGElement>;
  readonly #others: Keyed<Dot, SVGCircleElement>;
  readonly #clients: Keyed<FleetClient, SVGCircleElement>;
  #layout: Layout = layOut(0, 640, 360);
  #snapshot: Snapshot | undefined;
  #fleet: FleetView | undefined;
  #where = '';

  constructor(root: HTMLElement, colors: PodColors) {
    this.#root = root;
    this.#colors = colors;
    const [lines, labels, others, pods, clients] = [draw('g'), draw('g'), draw('g'), draw('g'), draw('g')];
    this.#svg.append(lines, this.#pulses, labels, others, pods, clients);
    root.append(this.#svg);
    this.#lines = new Keyed(lines, () => draw('line', { class: 'link' }));
    this.#labels = new Keyed(labels, makeLabel);
    this.#pods = new Keyed(pods, makePod);
    this.#others = new Keyed(others, () => draw('circle', { class: 'other', attributes: { r: '3.5' } }));
    this.#clients = new Keyed(clients, () => draw('circle', { class: 'client', attributes: { r: '4.5' } }));
    new ResizeObserver(() => this.#draw()).observe(root);
  }

  update(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#draw();
    this.#pulse(snapshot.links);
  }

  showFleet(fleet: FleetView): void {
    this.#fleet = fleet;
    // Only where clients are is drawn, and not what they get.
    const where = fleet.clients.map(({ pod, state }) => `${pod} ${state}`).join();
    if (where === this.#where) return;
    this.#where = where;
    this.#draw();
  }

  #draw(): void {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return;
    const width = Math.max(280, this.#root.clientWidth);
    const height = width < NARROW ? 330 : Math.max(300, Math.min(400, width * 0.62));
    const { pods, links } = snapshot;
    this.#layout = layOut(pods.length, width, height);
    this.#svg.classList.toggle('narrow', width < NARROW);
    this.#svg.classList.toggle('crowded', links.length > CROWD);
    setAttributes(this.#svg, { viewBox: `0 0 ${width} ${height}`, height, 'aria-label': summary(snapshot) });
    const placed = pods.map((pod, index) => ({ pod, at: this.#layout.places[index] ?? this.#layout.middle }));
    this.#lines.update(links, keyOf, (line, link) => {
      const [from, to] = this.#ends(link);
      setAttributes(line, {
        x1: from.x,
        y1: from.y,
        x2: to.x,
        y2: to.y,
        'data-behind': link.behind > 100 ? 'yes' : 'no',
      });
    });
    this.#labels.update(links.length <= MOST_LABELS ? links : [], keyOf, (label, link) => this.#drawLabel(label, link));
    this.#pods.update(
      placed,
      ({ pod }) => pod.name,
      (group, one) => this.#drawPod(group, one),
    );
    this.#drawClients(placed);
  }

  #place(name: string): Point | undefined {
    const index = this.#snapshot?.pods.findIndex((pod) => pod.name === name) ?? -1;
    return this.#layout.places[index];
  }

  #ends({ a, b }: LinkView): readonly [Point, Point] {
    const { middle, radius } = this.#layout;
    return between(this.#place(a) ?? middle, this.#place(b) ?? middle, radius);
  }

  #drawLabel(label: SVGGElement, link: LinkView): void {
    const [from, to] = this.#ends(link);
    setAttributes(label, { transform: `translate(${(from.x + to.x) / 2} ${(from.y + to.y) / 2})` });
    const [, trip, rate] = label.children;
    if (trip === undefined || rate === undefined) return;
    setText(trip, link.roundTrip === undefined ? 'linking' : formatDuration(link.roundTrip));
    setText(rate, `⇄ ${formatRate(link.forth + link.back)}`);
  }

  #drawPod(group: SVGGElement, { pod, at }: Placed): void {
    const { radius } = this.#layout;
    setAttributes(group, {
      class: `node ${this.#colors.classOf(pod.name)}`,
      'data-state': pod.ready ? 'ready' : 'away',
      transform: `translate(${at.x} ${at.y})`,
    });
    const [circle, name, clients] = group.children;
    if (circle === undefined || name === undefined || clients === undefined) return;
    setAttributes(circle, { r: radius });
    setText(name, radius < 16 ? '' : shortName(pod.name));
    setText(clients, radius < 30 ? '' : secondLine(pod));
    setAttributes(name, { y: radius < 30 ? 4 : -2 });
    setAttributes(clients, { y: 15 });
  }

  #drawClients(placed: readonly Placed[]): void {
    const { radius, middle } = this.#layout;
    const fleet = this.#fleet?.clients.filter(({ state }) => state !== 'stopped') ?? [];
    const spots = new Map<number, Point>();
    const others: Dot[] = [];
    for (const { pod, at } of placed) {
      const here = fleet.filter((client) => client.pod === pod.name && client.state === 'open');
      const strangers = Math.max(0, pod.clients - here.length);
      const count = Math.min(MOST_DOTS, here.length + strangers);
      for (let index = 0; index < count; index++) {
        const spot = orbit(at, radius, index, count);
        const client = here[index];
        if (client !== undefined) spots.set(client.id, spot);
        else others.push({ key: `${pod.name} ${index}`, at: spot });
      }
    }
    this.#others.update(
      others,
      ({ key }) => key,
      (dot, { at }) => setAttributes(dot, { cx: at.x, cy: at.y }),
    );
    this.#clients.update(
      fleet,
      ({ id }) => String(id),
      (dot, client) => {
        // Between two pods a client is in the middle.
        const at = spots.get(client.id) ?? orbit(middle, radius / 2, client.id, fleet.length);
        const color = client.state === 'open' ? this.#colors.classOf(client.pod) : 'pod-none';
        setAttributes(dot, { class: `client ${color}`, 'data-state': client.state });
        dot.style.transform = `translate(${at.x}px, ${at.y}px)`;
      },
    );
  }

  /** Lets dots run along the links where events do. */
  #pulse(links: readonly LinkView[]): void {
    if (!mayMove() || document.hidden || links.length > CROWD) return;
    for (const link of links) {
      const [a, b] = this.#ends(link);
      this.#run(a, b, link.forth, link.a);
      this.#run(b, a, link.back, link.b);
    }
  }

  #run(from: Point, to: Point, rate: number, pod: string): void {
    const count = rate < 0.05 ? 0 : Math.min(5, 1 + Math.floor(Math.log2(1 + rate)));
    for (let index = 0; index < count; index++) {
      const dot = draw('circle', { class: `pulse ${this.#colors.classOf(pod)}`, attributes: { r: '3' } });
      this.#pulses.append(dot);
      const move = dot.animate(
        [
          { transform: `translate(${from.x}px, ${from.y}px)`, opacity: 0 },
          { opacity: 1, offset: 0.15 },
          { opacity: 1, offset: 0.85 },
          { transform: `translate(${to.x}px, ${to.y}px)`, opacity: 0 },
        ],
        { duration: 900, delay: (index * 950) / count, fill: 'both', easing: 'ease-in-out' },
      );
      const remove = (): void => dot.remove();
      move.finished.then(remove, remove);
    }
  }
}

function keyOf({ a, b }: LinkView): string {
  return `${a} ${b}`;
}

function makeLabel(): SVGGElement {
  return draw('g', {
    class: 'label',
    children: [
      draw('rect', { attributes: { x: '-36', y: '-18', width: '72', height: '36', rx: '9' } }),
      draw('text', { class: 'trip', attributes: { y: '-3' } }),
      draw('text', { class: 'rate', attributes: { y: '11' } }),
    ],
  });
}

function makePod(): SVGGElement {
  return draw('g', {
    children: [draw('circle'), draw('text', { class: 'name' }), draw('text', { class: 'clients' })],
  });
}

function secondLine(pod: PodView): string {
  if (!pod.ready) return pod.state === 'draining' ? 'draining' : pod.status;
  if (pod.report === 'none') return 'ready';
  return pod.clients === 1 ? '1 client' : `${pod.clients} clients`;
}

/** The drawing in words. */
function summary({ pods, links }: Snapshot): string {
  const ready = pods.filter(({ ready: is }) => is).length;
  const clients = pods.map((pod) => `${shortName(pod.name)} has ${secondLine(pod)}`).join(', ');
  return `${ready} of ${pods.length} pods are ready, with ${links.length} links between them: ${clients}`;
}
