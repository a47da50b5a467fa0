import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { GIBIBYTE } from '../model/units.ts';
import { growthArgument } from './arguments.ts';
import { transferLine } from './image-transfer-view.ts';
import { cloudInitOf, hardwareOf } from './vm-hardware.ts';

test('only what was given changes', () => {
  expect(hardwareOf({ addDisk: [] })).toEqual({});
  expect(
    hardwareOf({ cpus: 2, addDisk: [GIBIBYTE], removeNic: ['nic1'], growDisk: growthArgument('disk0=2G', undefined) }),
  ).toEqual({
    ...{ cpus: 2, addDisks: [{ sizeBytes: GIBIBYTE }], removeNics: ['nic1'] },
    growDisks: [{ id: 'disk0', sizeBytes: 2 * GIBIBYTE }],
  });
});

test('a medium is put in or taken out', () => {
  expect(hardwareOf({ cdrom: 'debian.iso' })).toEqual({ cdrom: 'debian.iso' });
  expect(hardwareOf({ eject: true })).toEqual({ cdrom: null });
});

test('cloud-init is told what the files say: keys without comments, the password without its line break', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'godwit-cli-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [keys, password] = [join(directory, 'keys.pub'), join(directory, 'password')];
  writeFileSync(keys, '# mine\nssh-ed25519 AAAA me\n\n');
  writeFileSync(password, 'secret word\n');
  expect(await cloudInitOf({})).toBeNull();
  expect(await cloudInitOf({ user: 'anna', sshKey: [keys], passwordFile: password, gateway: '10.0.0.1' })).toEqual({
    ...{ user: 'anna', password: 'secret word', sshAuthorizedKeys: ['ssh-ed25519 AAAA me'] },
    network: { address: 'auto', gateway: '10.0.0.1' },
  });
  await expect(cloudInitOf({ passwordFile: join(directory, 'none') })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

test('the line of a transfer is never over 100 %, and does without a total', () => {
  expect(transferLine('a.iso', 300, 200)).toContain(' 100 % ');
  expect(transferLine('a.iso', 2 * GIBIBYTE, null)).toBe('a.iso  2 GiB');
});
