import { gather, type ChannelCodec } from './codec.js';

const ZERO = 0x30;
const LAST_ASCII = 0x7f;
const ALPHABET = /^[+/0-9A-Za-z]*={0,2}$/;
const BASE64_PROTOCOL = /^(?:v\d+\.)?base64\.channel\.k8s\.io$/;

/** Whether a subprotocol's messages are base64. */
export function isBase64Protocol(protocol: string): boolean {
  return BASE64_PROTOCOL.test(protocol);
}

/**
 * `base64.channel.k8s.io` and `v4.base64.channel.k8s.io`: one ASCII character for the channel, `0` and what follows it, then
 * the payload in base64 (RFC 4648, 4, with padding; line breaks are skipped). From channel 10 on the characters are no
 * digits, as in the original; the last that text can hold in one byte is that of channel 79.
 *
 * Source: apimachinery `httpstream/wsstream/conn.go` (`base64Codec`).
 */
export const base64Codec: ChannelCodec = {
  binary: false,
  maxChannels: LAST_ASCII - ZERO + 1,
  messageLength: (length) => 1 + Math.ceil(length / 3) * 4,
  decode(message) {
    const first = message[0];
    const payload = decodeBase64(message.toString('latin1', 1));
    // What is below `0` wraps around, to numbers that no channel has.
    return first === undefined || payload === undefined ? undefined : { channel: (first - ZERO) & 0xff, payload };
  },
  encode(channel, pieces, length, allocate = Buffer.allocUnsafe) {
    const payload = Buffer.allocUnsafe(length);
    gather(payload, pieces, 0);
    const message = allocate(base64Codec.messageLength(length));
    message[0] = ZERO + channel;
    message.write(payload.toString('base64'), 1, 'latin1');
    return message;
  },
};

/** Node's decoder takes nearly everything for base64, so what it is given is checked first. */
function decodeBase64(text: string): Buffer | undefined {
  const digits = /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, '') : text;
  if (digits.length % 4 !== 0 || !ALPHABET.test(digits)) return undefined;
  return Buffer.from(digits, 'base64');
}
