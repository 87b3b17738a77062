import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestFields } from '../../../../src/push/diagnostics/request-fields.js';

describe('requestFields', () => {
  it('describes a request without its secrets', () => {
    assert.deepEqual(
      requestFields({
        method: 'GET',
        url: '/events?stream=a&token=t0p',
        headers: { host: 'h', authorization: 'Bearer t0p' },
        socket: { remoteAddress: '::1' },
      }),
      {
        method: 'GET',
        url: '/events?stream=a&token=[redacted]',
        headers: { host: 'h', authorization: '[redacted]' },
        peer: '::1',
      },
    );
  });

  it('takes the whole address where a router has shortened it', () => {
    const req = { method: 'GET', url: '/?jwt=t0p', originalUrl: '/api/events?jwt=t0p', headers: {} };
    assert.equal(requestFields(req).url, '/api/events?jwt=[redacted]');
  });

  it('describes what is there', () => {
    assert.deepEqual(requestFields({ headers: {}, socket: null }), {
      method: undefined,
      url: '',
      headers: {},
      peer: undefined,
    });
  });
});
