import type { PeerCertificate } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { nodeNameOf, whyNotNode } from './certificate-name.ts';

const certificate = (subject: object, serialNumber = '0A') => ({
  ...{ subject: subject as PeerCertificate['subject'], serialNumber },
});

describe('nodeNameOf', () => {
  test('is the common name of a certificate of ours', () => {
    expect(nodeNameOf(certificate({ CN: 'node1', O: 'godwit' }))).toBe('node1');
  });

  test('is undefined for another organisation, for several, and without a certificate', () => {
    expect(nodeNameOf(certificate({ CN: 'node1', O: 'other' }))).toBeUndefined();
    expect(nodeNameOf(certificate({ CN: 'node1', O: ['godwit', 'other'] }))).toBeUndefined();
    expect(nodeNameOf(certificate({ CN: ['node1', 'node2'], O: 'godwit' }))).toBeUndefined();
    expect(nodeNameOf(certificate({ CN: '', O: 'godwit' }))).toBeUndefined();
    expect(nodeNameOf({} as PeerCertificate)).toBeUndefined();
  });
});

describe('whyNotNode', () => {
  test('accepts only the node that was expected', () => {
    expect(whyNotNode('node1', certificate({ CN: 'node1', O: 'godwit' }))).toBeUndefined();
    expect(whyNotNode('node1', certificate({ CN: 'node2', O: 'godwit' }))?.message).toContain('node2, not of node1');
    expect(whyNotNode('node1', certificate({ CN: 'node1' }))?.message).toContain('not that of a Godwit node');
  });

  test('does not accept an earlier machine of that name, which was removed', () => {
    const isRevoked = (serial: string) => serial === '0B';
    const subject = { CN: 'node1', O: 'godwit' };
    expect(whyNotNode('node1', certificate(subject, '0B'), isRevoked)?.message).toContain('removed from the cluster');
    expect(whyNotNode('node1', certificate(subject, '0C'), isRevoked)).toBeUndefined();
  });
});
