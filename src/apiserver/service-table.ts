import type { WallClock } from '../clock/wall.js';
import type { EndpointSlice, Service } from './objects.js';
import { AGE, age, column, NAME } from './pod-table.js';
import type { TableConvertor } from './table.js';

/** How many endpoints and ports a cell names; more are counted. */
const NAMED = 3;

/** Services as `kubectl get services` shows them, with `-o wide` (`printers/internalversion.printService`). */
export function serviceTable(clock: WallClock): TableConvertor<Service> {
  return {
    columns: [
      NAME,
      column('Type', 'Where the service is reached from.'),
      column('Cluster-IP', 'IP address of the service.'),
      column('External-IP', 'Addresses outside of the cluster.'),
      column('Port(s)', 'Ports that the service is reached at.'),
      AGE,
      column('Selector', 'Labels of the pods behind the service.', { priority: 1 }),
    ],
    cells({ metadata, spec }) {
      const ports = (spec.ports ?? []).map(({ port, protocol = 'TCP' }) => `${port}/${protocol}`);
      const selector = Object.entries(spec.selector ?? {}).map(([name, value]) => `${name}=${value}`);
      return [
        metadata.name,
        spec.type ?? 'ClusterIP',
        spec.clusterIP ?? '<none>',
        '<none>',
        ports.join(',') || '<none>',
        age(metadata.creationTimestamp, clock),
        selector.join(',') || '<none>',
      ];
    },
  };
}

/** EndpointSlices as `kubectl get endpointslices` shows them (`printers/internalversion.printEndpointSlice`). */
export function endpointSliceTable(clock: WallClock): TableConvertor<EndpointSlice> {
  return {
    columns: [
      NAME,
      column('AddressType', 'Kind of the addresses in this slice.'),
      column('Ports', 'Ports of the endpoints.'),
      column('Endpoints', 'Addresses of the endpoints.'),
      AGE,
    ],
    cells({ metadata, addressType, ports, endpoints }) {
      return [
        metadata.name,
        addressType,
        shortened((ports ?? []).map(({ port }) => String(port ?? '*'))),
        shortened(endpoints.flatMap(({ addresses }) => addresses)),
        age(metadata.creationTimestamp, clock),
      ];
    },
  };
}

function shortened(texts: readonly string[]): string {
  if (texts.length === 0) return '<unset>';
  const named = texts.slice(0, NAMED).join(',');
  return texts.length > NAMED ? `${named} + ${texts.length - NAMED} more...` : named;
}
