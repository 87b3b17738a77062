export { kubectlCommands, type CommandPod } from './commands.js';
export { Dashboard } from './dashboard.js';
export type { DashboardHost, PodAddress } from './host.js';
export type { DashboardOptions } from './options.js';
export type { LatencyView, LinkView, Notice, PodReport, PodView, Snapshot } from './state.js';
