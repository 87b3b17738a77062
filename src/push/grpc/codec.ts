import { createRequire } from 'node:module';
import { MissingPackageError } from '../../errors/index.js';
import { WATCH_DESCRIPTOR, WATCH_SERVICE } from './descriptor.js';

/** Bytes of watch messages. */
export interface WatchCodec {
  readonly path: string;
  encodeRequest(request: object): Buffer;
  /** @throws Error for what is no message of this kind. */
  decodeRequest(bytes: Buffer): unknown;
  encodeResponse(response: object): Buffer;
  decodeResponse(bytes: Buffer): unknown;
}

/** The method in a package definition of `@grpc/proto-loader`. */
interface LoadedMethod {
  readonly path: string;
  readonly requestSerialize: (value: object) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => object;
  readonly responseSerialize: (value: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => object;
}

interface ProtoLoader {
  fromJSON(json: object, options: object): Readonly<Record<string, { readonly Watch?: LoadedMethod }>>;
}

// Numbers of 64 bits as text: the peer's need not fit a JavaScript number.
const OPTIONS = { longs: String, defaults: true, arrays: true, oneofs: true };

/** Loads the optional package that encodes messages. @throws MissingPackageError that tells how to install it. */
export function loadWatchCodec(): WatchCodec {
  const method = loadProtoLoader().fromJSON(WATCH_DESCRIPTOR, OPTIONS)[WATCH_SERVICE]?.Watch;
  if (method === undefined) throw new TypeError('@grpc/proto-loader gave no definition of the service');
  return {
    path: method.path,
    encodeRequest: method.requestSerialize,
    decodeRequest: method.requestDeserialize,
    encodeResponse: method.responseSerialize,
    decodeResponse: method.responseDeserialize,
  };
}

function loadProtoLoader(): ProtoLoader {
  // Without await, so that the service is there when `addService` wants it.
  const require = createRequire(import.meta.url);
  try {
    return require('@grpc/proto-loader') as ProtoLoader;
  } catch (cause) {
    throw new MissingPackageError(
      'the gRPC watch service needs the optional packages @grpc/grpc-js and @grpc/proto-loader, the second of which could not be loaded; install them with: npm install @grpc/grpc-js @grpc/proto-loader',
      { cause, initiator: 'local' },
    );
  }
}
