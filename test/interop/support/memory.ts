import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Resident memory of a process, in bytes (proc(5), `VmRSS`). */
export function residentBytes(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (found === null) throw new Error(`process ${pid} has no VmRSS`);
  return Number(found[1]) * 1024;
}

/** Samples the resident memory of a process, and tells the largest. */
export function watchMemory(pid: number): { readonly peak: () => number; readonly stop: () => void } {
  let peak = residentBytes(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid));
  }, 20);
  return { peak: () => peak, stop: () => clearInterval(timer) };
}

/** Bytes of this process's heap that are in use after a full garbage collection. */
export function liveHeapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
