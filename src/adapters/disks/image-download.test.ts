import { expect, test, vi } from 'vitest';
import { createImageSources } from './image-download.ts';

vi.mock(import('node:os'), async (original) => ({
  ...(await original()),
  networkInterfaces: () => ({
    bridge0: [
      {
        address: '192.0.2.1',
        netmask: '255.255.255.0',
        family: 'IPv4',
        mac: '',
        internal: false,
        cidr: '192.0.2.1/24',
      },
    ],
  }),
}));

test('nothing is downloaded from an address of the node that no configuration names', async () => {
  const opening = createImageSources([]).open('http://192.0.2.1/image', {
    cancelled: new Promise(() => undefined),
    clusterAddresses: [],
  });
  await expect(opening).rejects.toMatchObject({ code: 'IMAGE_SOURCE_REFUSED' });
});
