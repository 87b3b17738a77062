import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromJSON, loadSync } from '@grpc/proto-loader';
import { loadWatchCodec } from '../../../../src/push/grpc/codec.js';
import { WATCH_DESCRIPTOR, WATCH_SERVICE } from '../../../../src/push/grpc/descriptor.js';
import { WATCH_PROTO } from '../../../support/grpc-watch.js';

/** Messages with what decides about their bytes. */
function messagesOf(definitions: ReturnType<typeof fromJSON>): Record<string, unknown> {
  const messages: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(definitions)) {
    if (!('type' in definition)) continue;
    const { field, oneofDecl } = definition.type as {
      readonly field: readonly Record<string, unknown>[];
      readonly oneofDecl: readonly { readonly name: string }[];
    };
    messages[name] = {
      fields: field.map(({ name: fieldName, number, label, type, typeName, oneofIndex, proto3Optional }) => ({
        name: fieldName,
        number,
        label,
        type,
        typeName: String(typeName ?? '')
          .split('.')
          .at(-1),
        oneofIndex,
        proto3Optional,
      })),
      oneofs: oneofDecl.map(({ name: oneof }) => oneof),
    };
  }
  return messages;
}

describe('the descriptor of the watch service', () => {
  it('says what watch.proto says', () => {
    const built = fromJSON(WATCH_DESCRIPTOR);
    const file = loadSync(WATCH_PROTO);
    const messages = messagesOf(file);
    assert.ok(Object.keys(messages).length >= 9);
    assert.deepEqual(messagesOf(built), messages);
    const method = (definitions: typeof file): unknown => {
      const service = definitions[WATCH_SERVICE];
      assert.ok(service !== undefined);
      const watch: unknown = Reflect.get(service, 'Watch');
      const { path, requestStream, responseStream } = watch as Record<string, unknown>;
      return { path, requestStream, responseStream };
    };
    assert.deepEqual(method(built), method(file));
  });

  it('keeps numbers of 64 bits whole, both ways', () => {
    const codec = loadWatchCodec();
    const watchId = '-9223372036854775808';
    const bytes = codec.encodeResponse({ watchId, header: { revision: 2 ** 40 + 1 } });
    assert.deepEqual(codec.decodeResponse(bytes), {
      header: { run: '', revision: String(2 ** 40 + 1), cursor: '' },
      watchId,
      created: false,
      canceled: false,
      compactRevision: '0',
      cancelReason: '',
      events: [],
      gap: null,
    });
  });
});
