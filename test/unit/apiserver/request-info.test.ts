import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestInfoError, RequestInfoResolver, StatusError, type RequestInfo } from '../../../src/apiserver/index.js';

const resolver = new RequestInfoResolver();
const V1 = '/api/v1';
const NS = `${V1}/namespaces/other`;

/** verb, namespace, resource, subresource, name, parts */
type Row = readonly [string, string, string, string, string, string, string, string];

const rows: readonly Row[] = [
  ['GET', `${V1}/namespaces`, 'list', '', 'namespaces', '', '', 'namespaces'],
  ['GET', NS, 'get', 'other', 'namespaces', '', 'other', 'namespaces,other'],
  ['GET', `${NS}/pods`, 'list', 'other', 'pods', '', '', 'pods'],
  ['GET', `${NS}/pods/foo`, 'get', 'other', 'pods', '', 'foo', 'pods,foo'],
  ['HEAD', `${NS}/pods/foo`, 'get', 'other', 'pods', '', 'foo', 'pods,foo'],
  ['GET', `${V1}/pods`, 'list', '', 'pods', '', '', 'pods'],
  ['HEAD', `${V1}/pods`, 'list', '', 'pods', '', '', 'pods'],
  ['POST', `${NS}/pods`, 'create', 'other', 'pods', '', '', 'pods'],
  ['PUT', `${NS}/pods/foo`, 'update', 'other', 'pods', '', 'foo', 'pods,foo'],
  ['PATCH', `${NS}/pods/foo`, 'patch', 'other', 'pods', '', 'foo', 'pods,foo'],
  ['DELETE', `${NS}/pods/foo`, 'delete', 'other', 'pods', '', 'foo', 'pods,foo'],
  ['OPTIONS', `${NS}/pods/foo`, '', 'other', 'pods', '', 'foo', 'pods,foo'],
  ['DELETE', `${V1}/nodes`, 'deletecollection', '', 'nodes', '', '', 'nodes'],
  ['DELETE', `${V1}/namespaces`, 'deletecollection', '', 'namespaces', '', '', 'namespaces'],
  ['DELETE', `${NS}/pods`, 'deletecollection', 'other', 'pods', '', '', 'pods'],
  ['GET', `${V1}/pods?watch=true`, 'watch', '', 'pods', '', '', 'pods'],
  ['GET', `${V1}/pods?watch=1`, 'watch', '', 'pods', '', '', 'pods'],
  ['GET', `${V1}/pods?watch=false`, 'list', '', 'pods', '', '', 'pods'],
  ['GET', `${V1}/pods?watch=0`, 'list', '', 'pods', '', '', 'pods'],
  ['GET', `${V1}/watch/pods`, 'watch', '', 'pods', '', '', 'pods'],
  ['GET', `${V1}/watch/namespaces/other/pods`, 'watch', 'other', 'pods', '', '', 'pods'],
  ['GET', `${V1}/proxy/namespaces/other/pods/foo/a/b`, 'proxy', 'other', 'pods', '', 'foo', 'pods,foo,a,b'],
  // The verb of 1.3 is gone; its URL now names a resource.
  [
    'GET',
    `${V1}/redirect/namespaces/other/pods/foo`,
    'get',
    '',
    'redirect',
    'other',
    'namespaces',
    'redirect,namespaces,other,pods,foo',
  ],
  ['GET', `${NS}/pods/foo/status`, 'get', 'other', 'pods', 'status', 'foo', 'pods,foo,status'],
  ['GET', `${NS}/pods/foo/proxy/sub/path`, 'get', 'other', 'pods', 'proxy', 'foo', 'pods,foo,proxy,sub,path'],
  ['GET', `${NS}/pods/foo/exec`, 'get', 'other', 'pods', 'exec', 'foo', 'pods,foo,exec'],
  ['POST', `${NS}/pods/foo/exec`, 'create', 'other', 'pods', 'exec', 'foo', 'pods,foo,exec'],
  ['PUT', `${NS}/finalize`, 'update', 'other', 'namespaces', 'finalize', 'other', 'namespaces,other,finalize'],
  ['PUT', `${NS}/status`, 'update', 'other', 'namespaces', 'status', 'other', 'namespaces,other,status'],
  ['GET', '/apis/g/v/res?fieldSelector=metadata.name=n1', 'list', '', 'res', '', 'n1', 'res'],
  ['GET', '/apis/g/v/res?fieldSelector=metadata.name%3Dn1&watch=true', 'watch', '', 'res', '', 'n1', 'res'],
  ['GET', '/apis/g/v/res?fieldSelector=metadata.name=n1,foo', 'list', '', 'res', '', '', 'res'],
  ['GET', '/apis/g/v/res?fieldSelector=metadata.name=n1,foo&watch=true', 'watch', '', 'res', '', '', 'res'],
  [
    'GET',
    '/apis/g/v/res?fieldSelector=metadata.name=a&fieldSelector=metadata.name=b',
    'list',
    '',
    'res',
    '',
    'a',
    'res',
  ],
  ['GET', '/apis/g/v/watch/res/n?fieldSelector=metadata.name=m', 'watch', '', 'res', '', 'n', 'res,n'],
  ['GET', '/apis/g/v/res?fieldSelector=metadata.name!=n1', 'list', '', 'res', '', '', 'res'],
  ['GET', '/apis/g/v/res?fieldSelector=metadata.name=n1&limit=x', 'list', '', 'res', '', '', 'res'],
  ['GET', '/apis/g/v/res?fieldSelector=metadata.name=..', 'list', '', 'res', '', '', 'res'],
  ['GET', '/apis/g/v/res?fieldSelector=metadata.name=a/b', 'list', '', 'res', '', '', 'res'],
];

describe('RequestInfoResolver', () => {
  for (const [method, url, verb, namespace, resource, subresource, name, parts] of rows) {
    it(`${method} ${url}`, () => {
      const info = resolver.resolve({ method, url });
      const { isResourceRequest, verb: actual, namespace: ns, resource: res, subresource: sub } = info;
      assert.deepEqual(
        [isResourceRequest, actual, ns, res, sub, info.name, info.parts.join(',')],
        [true, verb, namespace, resource, subresource, name, parts],
      );
    });
  }

  it('reads prefix, group and version', () => {
    const { apiPrefix, apiGroup, apiVersion } = resolver.resolve({ method: 'GET', url: `${NS}/pods` });
    assert.deepEqual([apiPrefix, apiGroup, apiVersion], ['api', '', 'v1']);
    const grouped = resolver.resolve({ method: 'POST', url: '/apis/extensions/v1beta3/namespaces/other/pods' });
    assert.deepEqual(
      [grouped.apiPrefix, grouped.apiGroup, grouped.apiVersion, grouped.verb, grouped.resource],
      ['apis', 'extensions', 'v1beta3', 'create', 'pods'],
    );
  });

  for (const url of [
    '/',
    '',
    '/api',
    '/api/v1',
    '/api/v1/',
    '/apis',
    '/apis/g',
    '/apis/g/v',
    '/apis/version/resource',
    '/badprefix/v/r',
    '/healthz',
  ]) {
    it(`${JSON.stringify(url)} is no resource`, () => {
      const info = resolver.resolve({ method: 'GET', url });
      assert.deepEqual([info.isResourceRequest, info.verb, info.resource], [false, 'get', '']);
    });
  }

  for (const url of ['/api/v1/watch', '/api/v1/proxy']) {
    it(`${url} is an error that carries what was understood`, () => {
      assert.throws(
        () => resolver.resolve({ method: 'GET', url }),
        (error: RequestInfoError) =>
          error instanceof RequestInfoError &&
          error.message.startsWith('unable to determine kind and namespace') &&
          error.info.apiPrefix === 'api' &&
          error.info.apiVersion === 'v1',
      );
    });
  }

  it('records raw selectors for list, watch and deletecollection only, and not in the old form', () => {
    const query = '?fieldSelector=metadata.name%3Dn&labelSelector=a%3Db';
    const selectors = (method: string, path: string): string[] => {
      const info: RequestInfo = resolver.resolve({ method, url: path + query });
      return [info.fieldSelector, info.labelSelector];
    };
    const both = ['metadata.name=n', 'a=b'];
    assert.deepEqual(selectors('GET', '/apis/g/v/res'), both);
    assert.deepEqual(selectors('DELETE', '/apis/g/v/res'), both);
    assert.deepEqual(selectors('GET', '/apis/g/v/res/n'), ['', '']);
    assert.deepEqual(selectors('GET', '/apis/g/v/watch/res'), ['', '']);
  });

  it('decodes the path, and refuses what cannot be decoded', () => {
    assert.equal(resolver.resolve({ method: 'GET', url: `${NS}/pods/f%6fo` }).name, 'foo');
    assert.equal(resolver.resolve({ method: 'GET', url: `http://host:1${NS}/pods/foo` }).name, 'foo');
    assert.throws(
      () => resolver.resolve({ method: 'GET', url: `${NS}/pods/%ff` }),
      (error: StatusError) => error.status.code === 400,
    );
  });
});
