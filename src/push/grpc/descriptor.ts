/** A field of a message, as protobufjs has it in JSON. */
interface Field {
  readonly type: string;
  readonly id: number;
  readonly rule?: 'repeated';
  readonly options?: { readonly proto3_optional: true };
}

const one = (type: string, id: number): Field => ({ type, id });
const many = (type: string, id: number): Field => ({ rule: 'repeated', type, id });
const optional = (type: string, id: number): Field => ({ type, id, options: { proto3_optional: true } });

const messages = {
  Watch: {
    methods: {
      Watch: { requestType: 'WatchRequest', requestStream: true, responseType: 'WatchResponse', responseStream: true },
    },
  },
  WatchRequest: {
    oneofs: { requestUnion: { oneof: ['createRequest', 'cancelRequest', 'progressRequest'] } },
    fields: {
      createRequest: one('WatchCreateRequest', 1),
      cancelRequest: one('WatchCancelRequest', 2),
      progressRequest: one('WatchProgressRequest', 3),
    },
  },
  WatchCreateRequest: {
    fields: {
      streams: many('string', 1),
      startRevision: one('int64', 3),
      progressNotify: one('bool', 4),
      watchId: one('int64', 7),
      cursor: one('string', 8),
      run: one('string', 9),
    },
  },
  WatchCancelRequest: { fields: { watchId: one('int64', 1) } },
  WatchProgressRequest: { fields: {} },
  ResponseHeader: { fields: { run: one('string', 1), revision: one('int64', 2), cursor: one('string', 3) } },
  WatchResponse: {
    fields: {
      header: one('ResponseHeader', 1),
      watchId: one('int64', 2),
      created: one('bool', 3),
      canceled: one('bool', 4),
      compactRevision: one('int64', 5),
      cancelReason: one('string', 6),
      events: many('Event', 11),
      gap: one('Gap', 12),
    },
  },
  Event: {
    fields: {
      stream: one('string', 1),
      type: one('string', 2),
      data: one('bytes', 3),
      revision: one('int64', 4),
      cursor: one('string', 5),
      live: one('bool', 6),
    },
  },
  Gap: { fields: { reason: one('string', 1), streams: many('string', 2), missing: many('MissingRange', 3) } },
  MissingRange: {
    oneofs: { _through: { oneof: ['through'] } },
    fields: { origin: one('string', 1), after: one('int64', 2), through: optional('int64', 3) },
  },
};

/** Name of the service. */
export const WATCH_SERVICE = 'trunkline.push.v1.Watch';

/**
 * What `watch.proto` says, in the JSON of protobufjs: nothing has to be found beside the code at run time, bundled or not.
 * A test compares the two.
 */
export const WATCH_DESCRIPTOR: object = {
  nested: { trunkline: { nested: { push: { nested: { v1: { nested: messages } } } } } },
};
