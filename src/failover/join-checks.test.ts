import { describe, expect, test } from 'vitest';
import type { Applicant, JoinTokenRecord } from '../model/formation.ts';
import { areCompatible, checkJoin, type JoinSight } from './join-checks.ts';

const NOW = Date.parse('2026-06-01T12:00:00.000Z');
const token: JoinTokenRecord = {
  ...{ id: 't1', secretHash: '00', usedBy: null },
  ...{ createdAt: '2026-06-01T11:30:00.000Z', expiresAt: '2026-06-01T12:30:00.000Z' },
};
const sight: JoinSight = {
  token,
  secretFits: true,
  members: [{ name: 'node1', addresses: ['10.77.0.11', '10.78.0.11', '2001:db8::11'], version: '0.3.1' }],
  version: '0.3.1',
  wallMs: NOW,
};
const applicant: Applicant = {
  ...{
    name: 'node2',
    role: 'node',
    addresses: ['10.77.0.12'],
    certificateAddresses: [],
    version: '0.3.0',
    storeFormat: 1,
    wallMs: NOW,
  },
};

function refusal(change: Partial<Applicant>, seen: Partial<JoinSight> = {}): string {
  try {
    checkJoin({ ...applicant, ...change }, { ...sight, ...seen });
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('checkJoin', () => {
  test('lets in who has a token, the right version, an exact clock, and a name and addresses of its own', () => {
    expect(refusal({})).toBe('none');
  });

  test.each([
    ['a token that was never given out', { token: undefined, secretFits: false }, 'JOIN_TOKEN_INVALID'],
    ['a wrong secret', { secretFits: false }, 'JOIN_TOKEN_INVALID'],
    ['a used token', { token: { ...token, usedBy: { node: 'x', at: '', requestHash: '' } } }, 'JOIN_TOKEN_INVALID'],
    ['an expired token', { wallMs: NOW + 1_800_000 }, 'JOIN_TOKEN_EXPIRED'],
  ] as const)('refuses %s', (_what, seen, code) => {
    expect(refusal({ wallMs: 'wallMs' in seen ? seen.wallMs : NOW }, seen)).toBe(code);
  });

  test.each([
    ['another major version', { version: '1.3.1' }, 'JOIN_VERSION_UNSUITABLE'],
    ['a version two minors ahead', { version: '0.5.0' }, 'JOIN_VERSION_UNSUITABLE'],
    ['an older format of the records', { storeFormat: 0 }, 'JOIN_VERSION_UNSUITABLE'],
    ['a clock 6 s ahead', { wallMs: NOW + 6000 }, 'JOIN_CLOCK_WRONG'],
    ['a clock 6 s behind', { wallMs: NOW - 6000 }, 'JOIN_CLOCK_WRONG'],
    ['a name that is none', { name: 'a/b' }, 'NAME_MALFORMED'],
    ['the name of a member', { name: 'Node1' }, 'JOIN_NAME_TAKEN'],
    ['an address of a member', { addresses: ['10.77.0.12', '10.78.0.11'] }, 'JOIN_ADDRESS_TAKEN'],
    ['a certificate for an address of a member', { certificateAddresses: ['10.78.0.11'] }, 'JOIN_ADDRESS_TAKEN'],
    ['such an address written otherwise', { certificateAddresses: ['2001:DB8:0:0::11'] }, 'JOIN_ADDRESS_TAKEN'],
    ['an address that is read as another one', { certificateAddresses: ['10.78.0.011'] }, 'INVALID_INPUT'],
    ['what is no address', { certificateAddresses: ['a:b'] }, 'INVALID_INPUT'],
  ] as const)('refuses %s', (_what, change, code) => {
    expect(refusal(change)).toBe(code);
  });

  test('accepts clocks 4 s apart', () => {
    expect(refusal({ wallMs: NOW + 4000 })).toBe('none');
  });
});

describe('areCompatible', () => {
  test('allows neighbouring minor versions of one major version', () => {
    expect(areCompatible('1.4.9', '1.5.0')).toBe(true);
    expect(areCompatible('1.4.0', '1.6.0')).toBe(false);
    expect(areCompatible('1.9.0', '2.0.0')).toBe(false);
    expect(areCompatible('unknown', '1.0.0')).toBe(false);
  });
});
