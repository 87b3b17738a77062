import uPlot from 'uplot';
import type { Snapshot } from '../state.js';
import { byId, make, setAttributes, setText } from './dom.js';
import { formatCount, formatDuration, formatRate } from './format.js';

/** A line of a chart. */
interface Line {
  readonly name: string;
  /** Custom property with its colour. */
  readonly color: string;
  readonly of: (snapshot: Snapshot) => number | undefined;
}

/** Seconds that are shown, at most and at least. */
const SECONDS = 180;
const FEWEST = 30;
const HEIGHT = 190;

/** A chart of the last minutes. */
class Chart {
  readonly #root: HTMLElement;
  readonly #legend: HTMLElement;
  readonly #lines: readonly Line[];
  readonly #format: (value: number) => string;
  readonly #values = new Map<string, HTMLElement>();
  #data: (number | null)[][];
  #plot: uPlot | undefined;

  constructor(id: string, lines: readonly Line[], format: (value: number) => string) {
    this.#root = byId(id, HTMLElement);
    this.#legend = byId(`${id}-legend`, HTMLElement);
    this.#lines = lines;
    this.#format = format;
    this.#data = [[], ...lines.map(() => [])];
    for (const { name, color } of lines) {
      const value = make('b');
      this.#values.set(name, value);
      this.#legend.append(make('span', { class: color, children: [name, ' ', value] }));
    }
    new ResizeObserver(() => this.#plot?.setSize({ width: this.#root.clientWidth, height: HEIGHT })).observe(
      this.#root,
    );
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#make());
  }

  add(snapshot: Snapshot): void {
    const [times = [], ...columns] = this.#data;
    const time = snapshot.time / 1_000;
    // A source that is new tells everything again.
    if (time <= (times.at(-1) ?? 0)) return;
    times.push(time);
    for (const [index, { of }] of this.#lines.entries()) columns[index]?.push(of(snapshot) ?? null);
    while ((times[0] ?? time) < time - SECONDS - 10) for (const column of this.#data) column.shift();
  }

  draw(): void {
    if (this.#plot === undefined) this.#make();
    else this.#plot.setData(this.#data as uPlot.AlignedData);
    const told: string[] = [];
    for (const [index, { name }] of this.#lines.entries()) {
      const last = this.#data[index + 1]?.at(-1) ?? undefined;
      const value = this.#values.get(name);
      if (value !== undefined) setText(value, last === undefined ? '–' : this.#format(last));
      if (last !== undefined) told.push(`${name} ${this.#format(last)}`);
    }
    setAttributes(this.#root, { 'aria-label': told.length === 0 ? 'Nothing was measured' : told.join(', ') });
  }

  #make(): void {
    this.#plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const color = (name: string): string => style.getPropertyValue(name).trim();
    const axis = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
    const font = '12px system-ui, sans-serif';
    this.#plot = new uPlot(
      {
        width: Math.max(200, this.#root.clientWidth),
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 7 } },
        scales: {
          x: { range: (_self, least, most) => [Math.max(most - SECONDS, Math.min(least, most - FEWEST)), most] },
          y: { range: (_self, _least, most) => [0, Math.max(1, most * 1.15)] },
        },
        axes: [
          {
            ...axis,
            font,
            size: 30,
            space: 70,
            values: [[1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1]],
          },
          { ...axis, font, size: 52, space: 36, values: (_self, ticks) => ticks.map((tick) => formatCount(tick)) },
        ],
        series: [
          {},
          ...this.#lines.map((line) => ({
            label: line.name,
            stroke: color(`--${line.color}`),
            fill: `${color(`--${line.color}`)}1c`,
            width: 2,
            points: { show: false },
            spanGaps: true,
          })),
        ],
      },
      this.#data as uPlot.AlignedData,
      this.#root,
    );
  }
}

/** Throughput and latency. */
export class Charts {
  readonly #charts = [
    new Chart(
      'throughput',
      [
        { name: 'delivered', color: 'chart-1', of: ({ delivered }) => delivered },
        { name: 'published', color: 'chart-2', of: ({ published }) => published },
      ],
      formatRate,
    ),
    new Chart(
      'latency',
      [
        { name: 'slowest', color: 'chart-4', of: ({ latency }) => latency?.most },
        { name: 'median', color: 'chart-3', of: ({ latency }) => latency?.median },
      ],
      formatDuration,
    ),
  ];

  add(snapshot: Snapshot): void {
    for (const chart of this.#charts) chart.add(snapshot);
  }

  draw(): void {
    for (const chart of this.#charts) chart.draw();
  }
}
