/** Pods of one process, each of which publishes to all others. */
export interface Bus {
  /** Where each pod is reached. */
  readonly addresses: readonly string[];
  /** Tells of all pods; settles when those of this process go with all of them. */
  join(addresses: readonly string[]): Promise<void>;
  /** Publishes on the first pod. Settles when as many others have it as the bus promises. */
  publish(data: string): Promise<void>;
  /** Calls back for each event that reaches one of the pods from another. */
  follow(heard: (pod: number, data: string) => void): void;
}

/** The stream that all is published on. */
export const STREAM = 'bench';

/** Splits `127.0.0.1:8000`. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
