/** The keys with which a machine asks to join, kept until it has joined: if the answer is lost, the same request has to come again. */
import { existsSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFiles } from '../adapters/pki/identity-files.ts';
import { makeRequest } from '../adapters/pki/key-pair.ts';
import type { NodeRole } from '../model/node.ts';

type KeyAndRequest = Awaited<ReturnType<typeof makeRequest>>;

/** For whom it is made: with another token, or another name, it begins anew. */
interface RequestOwner {
  readonly tokenId: string;
  readonly node: string;
  readonly role: NodeRole;
}

interface KeptRequest extends RequestOwner {
  readonly own: KeyAndRequest;
  /** Null for a witness. */
  readonly qemu: KeyAndRequest | null;
}

export interface JoinRequest extends KeptRequest {
  /** False: an earlier try was made with it, whose outcome nobody knows. */
  readonly fresh: boolean;
}

function fileIn(directory: string): string {
  return join(directory, 'joining.json');
}

export async function keepJoinRequest(directory: string, owner: RequestOwner): Promise<JoinRequest> {
  const known = read(fileIn(directory));
  if (known !== undefined && (['tokenId', 'node', 'role'] as const).every((field) => known[field] === owner[field])) {
    return { ...known, fresh: false };
  }
  const qemu = owner.role === 'node' ? await makeRequest(owner.node) : null;
  const kept: KeptRequest = { ...owner, own: await makeRequest(owner.node), qemu };
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await replaceFiles([{ path: fileIn(directory), text: JSON.stringify(kept), mode: 0o600 }]);
  return { ...kept, fresh: true };
}

export function forgetJoinRequest(directory: string): void {
  rmSync(fileIn(directory), { force: true });
  try {
    rmdirSync(directory);
  } catch {
    // It is not empty: it was there before, or the machine has joined.
  }
}

function read(path: string): KeptRequest | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as KeptRequest;
  } catch {
    return undefined;
  }
}
