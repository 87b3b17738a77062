/** The type of an event stream. */
export const EVENT_STREAM_TYPE = 'text/event-stream';

/** Whether the essence of a MIME type is that of an event stream: parameters do not matter, a longer name does. */
export function isEventStreamType(contentType: string): boolean {
  const end = contentType.indexOf(';');
  const essence = end === -1 ? contentType : contentType.slice(0, end);
  return essence.trim().toLowerCase() === EVENT_STREAM_TYPE;
}
