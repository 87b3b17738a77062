import type { PodView } from '../state.js';
import { make } from './dom.js';
import { shortName } from './format.js';

/** Keeps a choice of pods in step with those there are; a fixed first one, such as `any`, stays. */
export function offerPods(select: HTMLSelectElement, pods: readonly PodView[]): void {
  const fixed = [...select.options].filter(({ value }) => value === '');
  const names = pods.map(({ name }) => name);
  const shown = [...select.options].map(({ value }) => value).filter((value) => value !== '');
  if (names.join() === shown.join()) return;
  const chosen = select.value;
  select.replaceChildren(
    ...fixed,
    ...names.map((value) => make('option', { text: shortName(value), attributes: { value, title: value } })),
  );
  if (names.includes(chosen)) select.value = chosen;
}
