/** A place in the drawing, in pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** How pods are laid out. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly middle: Point;
  /** Radius of a pod. */
  readonly radius: number;
  readonly places: readonly Point[];
}

/** For the clients around pods. */
const ROOM = 32;

/** Puts pods on an ellipse that fills the drawing, the first on top. */
export function layOut(count: number, width: number, height: number): Layout {
  const middle = { x: width / 2, y: height / 2 };
  const radius = Math.max(10, Math.min(44, width / 9, (2.4 * (width + height)) / (8 * Math.max(count, 3))));
  const across = Math.max(0, width / 2 - radius - ROOM);
  const down = Math.max(0, height / 2 - radius - ROOM);
  const places = Array.from({ length: count }, (_, index) => {
    if (count === 1) return middle;
    // Two stand side by side.
    const angle = (2 * Math.PI * index) / count + (count === 2 ? Math.PI : -Math.PI / 2);
    return { x: middle.x + across * Math.cos(angle), y: middle.y + down * Math.sin(angle) };
  });
  return { width, height, middle, radius, places: settle(places, { middle, down, radius, height }) };
}

/** Three pods leave the lower part of the ellipse empty: they move down to fill it. */
function settle(
  places: readonly Point[],
  { middle, down, radius, height }: { middle: Point; down: number; radius: number; height: number },
): readonly Point[] {
  if (places.length < 3) return places;
  const lowest = Math.max(...places.map(({ y }) => y));
  const room = height - radius - ROOM - lowest;
  if (room <= 1 || down === 0) return places;
  const top = middle.y - down;
  const stretch = (lowest + room - top) / (lowest - top);
  return places.map(({ x, y }) => ({ x, y: top + (y - top) * stretch }));
}

/** Where the clients of a pod stand: around it, in rings. */
export function orbit(center: Point, radius: number, index: number, count: number): Point {
  const perRing = Math.max(6, Math.floor((2 * Math.PI * (radius + 12)) / 13));
  const ring = Math.floor(index / perRing);
  const inRing = Math.min(perRing, count - ring * perRing);
  // A few stand close together, beginning at the top.
  const step = Math.min((2 * Math.PI) / inRing, 13 / (radius + 12 + ring * 12));
  const angle = -Math.PI / 2 + (index - ring * perRing - (inRing - 1) / 2) * step;
  const distance = radius + 12 + ring * 12;
  return { x: center.x + distance * Math.cos(angle), y: center.y + distance * Math.sin(angle) };
}

/** The part of the way from one pod to another that is outside both. */
export function between(from: Point, to: Point, radius: number): readonly [Point, Point] {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length <= 2 * radius) return [from, to];
  const x = ((to.x - from.x) / length) * radius;
  const y = ((to.y - from.y) / length) * radius;
  return [
    { x: from.x + x, y: from.y + y },
    { x: to.x - x, y: to.y - y },
  ];
}
