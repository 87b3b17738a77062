/** Codes of etcd's errors (`error/error.go` of 2.3, `v2error/error.go` of 3.5), as far as reading knows them. */
export const ETCD_ERRORS = {
  100: 'Key not found',
  203: 'The given index in POST form is not a number',
  209: 'Invalid field',
  210: 'Invalid POST form',
  300: 'Raft Internal Error',
  401: 'The event in requested index is outdated and cleared',
} as const;

/** A code of {@link ETCD_ERRORS}. */
export type EtcdErrorCode = keyof typeof ETCD_ERRORS;

const STATUS: Partial<Readonly<Record<EtcdErrorCode, number>>> = { 100: 404, 300: 500 };

/** What etcd answers instead of an event: the body, beside `X-Etcd-Index`. */
export interface EtcdErrorBody {
  readonly errorCode: EtcdErrorCode;
  readonly message: string;
  readonly cause?: string;
  readonly index: number;
}

/** An error answer as values, before anything is written. */
export interface EtcdFailure {
  readonly status: number;
  readonly body: EtcdErrorBody;
}

/** @param index What the client goes on from: the newest index, or 0 for a request that was not understood, as in etcd. */
export function etcdFailure(errorCode: EtcdErrorCode, cause: string, index = 0): EtcdFailure {
  const status = STATUS[errorCode] ?? 400;
  return { status, body: { errorCode, message: ETCD_ERRORS[errorCode], ...(cause === '' ? {} : { cause }), index } };
}
