/**
 * Reads frames of a server, and joins messages out of fragments (RFC 6455, 5.2), independently of `ws`: the JSON of all
 * messages in these bytes. Control frames are passed over.
 */
export function readServerMessages(bytes: Buffer): unknown[] {
  const messages: unknown[] = [];
  let parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes.readUInt8(at);
    let length = bytes.readUInt8(at + 1);
    at += 2;
    if (length > 127) throw new Error('a server must not mask');
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw new Error('no extension was agreed on');
    const payload = bytes.subarray(at, at + length);
    if (payload.length !== length) throw new Error('a frame is cut');
    at += length;
    if (opcode >= 8) continue;
    if (opcode !== (parts.length === 0 ? 1 : 0)) throw new Error(`opcode ${opcode} behind ${parts.length} parts`);
    parts.push(payload);
    if ((first & 0x80) === 0) continue;
    messages.push(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))));
    parts = [];
  }
  if (parts.length > 0) throw new Error('a message is cut');
  return messages;
}
