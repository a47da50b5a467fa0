import { expect, it } from 'vitest';
import { createEndpointRotation } from './endpoint-rotation.ts';

const NAMES = ['node1', 'node2', 'witness'];

it('the local member is asked first, then the one that answered last', () => {
  const rotation = createEndpointRotation(NAMES, 'node2');
  expect(rotation.order()).toEqual(['node2', 'node1', 'witness']);
  rotation.answered('witness');
  expect(rotation.order()).toEqual(['node2', 'witness', 'node1']);
});

it('a member that failed is asked last until it answers or is found well', () => {
  const rotation = createEndpointRotation(NAMES, 'node1');
  rotation.failed('node1');
  expect(rotation.order()).toEqual(['node2', 'witness', 'node1']);
  expect(rotation.suspects()).toEqual(['node1']);
  rotation.recovered('node1');
  expect(rotation.order()).toEqual(['node1', 'node2', 'witness']);
});

it('with all members suspect the order is the usual one', () => {
  const rotation = createEndpointRotation(NAMES, 'witness');
  for (const name of NAMES) rotation.failed(name);
  expect(rotation.order()).toEqual(['witness', 'node1', 'node2']);
});
