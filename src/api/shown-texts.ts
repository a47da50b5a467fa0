// What the live channel says about each object, as JSON. Most of what is shown stays as it is from one moment to the next, so a text is
// made anew only when something that it is made from is another object than before: with thousands of VMs, one change costs one text.
import { LIVE_ENDED_MIGRATIONS } from '../contract/live.ts';
import { type ClusterState, knownNodes, nodeState, type VmEntry } from '../model/cluster-state.ts';
import type { MigrationId, NodeName, VmName } from '../model/names.ts';
import { existingVms } from './read-state.ts';
import { nodeView, openMigrationView, ownedVms, type Shown, vmView } from './views.ts';

/** One message about one object; a later one about the same object makes it superfluous. */
export interface Said {
  readonly object: string;
  readonly text: string;
}

interface Known {
  readonly madeFrom: readonly unknown[];
  readonly json: string;
}

interface VmSurroundings {
  readonly owners: ReadonlyMap<NodeName, string>;
  readonly before: readonly VmEntry[];
}

/** Lists of a snapshot, each item as JSON. */
export interface SnapshotLists {
  readonly vms: readonly string[];
  readonly nodes: readonly string[];
  readonly openMigrations: readonly string[];
  readonly endedMigrations: readonly string[];
}

export class ShownTexts {
  readonly #vms = new Map<VmName, Known>();
  readonly #nodes = new Map<NodeName, Known>();
  readonly #open = new Map<MigrationId, Known>();
  readonly #ended = new Map<MigrationId, Known>();
  #lookedAt: readonly unknown[] = [];
  #entries: readonly VmEntry[] = [];
  #receipts: ClusterState['migrations'] | null = null;

  /** What has changed since the last call, everything at the first. */
  changes(shown: Shown): Said[] {
    const { state } = shown;
    const owners = new Map(knownNodes(state).map((entry) => [entry.facts.value.name, ownerOf(shown, entry)] as const));
    const ownersText = [...owners.values()].join(' ');
    const said: Said[] = [];
    // Heartbeats alone change nothing about VMs.
    const vmsMayDiffer = !same(this.#lookedAt, [state.progress, ownersText, state.vms]);
    const onlyEntriesDiffer = same(this.#lookedAt.slice(0, 2), [state.progress, ownersText]);
    this.#lookedAt = [state.progress, ownersText, state.vms];
    if (vmsMayDiffer) this.#lookAtVms(shown, { owners, before: onlyEntriesDiffer ? this.#entries : [] }, said);
    this.#lookAtNodes(shown, said);
    if (vmsMayDiffer) this.#lookAtOpenMigrations(state, said);
    if (this.#receipts !== state.migrations) this.#lookAtReceipts(state, said);
    return said;
  }

  lists(): SnapshotLists {
    const texts = (known: ReadonlyMap<string, Known>) => [...known.values()].map(({ json }) => json);
    return {
      vms: texts(this.#vms),
      nodes: texts(this.#nodes),
      openMigrations: texts(this.#open),
      endedMigrations: texts(this.#ended),
    };
  }

  /** `before`: entries about which nothing has changed but the entries themselves. */
  #lookAtVms(shown: Shown, { owners, before }: VmSurroundings, said: Said[]): void {
    const entries = existingVms(shown.state);
    this.#entries = entries;
    for (const [index, entry] of entries.entries()) {
      if (entry === before[index]) continue;
      const { name } = entry.record.value.definition;
      const owner = entry.owner === null ? '' : owners.get(entry.owner.value.node);
      const json = renewed(this.#vms, name, {
        madeFrom: [entry, owner, progressOf(shown.state, entry)],
        view: () => vmView(shown, entry),
      });
      if (json !== null) said.push({ object: `vm ${name}`, text: `{"type":"vm","vm":${json}}` });
    }
    if (this.#vms.size === entries.length) return;
    const names = new Set(entries.map((entry) => entry.record.value.definition.name));
    for (const name of this.#vms.keys()) {
      if (names.has(name)) continue;
      this.#vms.delete(name);
      said.push({ object: `vm ${name}`, text: JSON.stringify({ type: 'vm-deleted', name }) });
    }
  }

  #lookAtNodes(shown: Shown, said: Said[]): void {
    const { state } = shown;
    const entries = knownNodes(state).sort((a, b) => (a.facts.value.name < b.facts.value.name ? -1 : 1));
    for (const entry of entries) {
      const { name } = entry.facts.value;
      const madeFrom = [entry.facts, ownerOf(shown, entry), state.memory.get(name), ownedVms(state).get(name)];
      const json = renewed(this.#nodes, name, { madeFrom, view: () => nodeView(shown, entry) });
      if (json !== null) said.push({ object: `node ${name}`, text: `{"type":"node","node":${json}}` });
    }
    for (const name of this.#nodes.keys()) {
      if (state.nodes.get(name)?.facts != null) continue;
      this.#nodes.delete(name);
      said.push({ object: `node ${name}`, text: JSON.stringify({ type: 'node-removed', name }) });
    }
  }

  #lookAtOpenMigrations(state: ClusterState, said: Said[]): void {
    const open = new Set<MigrationId>();
    for (const entry of existingVms(state)) {
      if (entry.intent === null) continue;
      const id = entry.intent.value.migrationId;
      open.add(id);
      const madeFrom = [entry.intent, progressOf(state, entry)];
      const json = renewed(this.#open, id, { madeFrom, view: () => openMigrationView(state, entry) });
      if (json !== null) said.push(aboutMigration(id, json));
    }
    for (const id of this.#open.keys()) if (!open.has(id)) this.#open.delete(id);
  }

  /** The newest ones: ids sort by time. */
  #lookAtReceipts(state: ClusterState, said: Said[]): void {
    this.#receipts = state.migrations;
    const ids = [...state.migrations.keys()].sort().slice(-LIVE_ENDED_MIGRATIONS);
    for (const id of ids) {
      const receipt = state.migrations.get(id);
      const json = renewed(this.#ended, id, { madeFrom: [receipt], view: () => ({ state: 'ended', receipt }) });
      if (json !== null) said.push(aboutMigration(id, json));
    }
    const kept = new Set(ids);
    for (const id of this.#ended.keys()) if (!kept.has(id)) this.#ended.delete(id);
  }
}

/** Open or ended, it is the same object. */
function aboutMigration(id: MigrationId, json: string): Said {
  return { object: `migration ${id}`, text: `{"type":"migration","migration":${json}}` };
}

/** What a VM shows of its owner depends on this. */
function ownerOf({ now }: Shown, entry: Parameters<typeof nodeState>[0]): string {
  return `${entry.facts.modRevision}:${nodeState(entry, now)}`;
}

function progressOf(state: ClusterState, { intent }: VmEntry): unknown {
  return intent === null ? null : state.progress.get(intent.value.migrationId);
}

/** The new text, or null if it is as before. */
function renewed(
  known: Map<string, Known>,
  name: string,
  { madeFrom, view }: { readonly madeFrom: readonly unknown[]; view(): unknown },
): string | null {
  const before = known.get(name);
  if (before !== undefined && same(before.madeFrom, madeFrom)) return null;
  const json = JSON.stringify(view());
  known.set(name, { madeFrom, json });
  return before?.json === json ? null : json;
}

function same(before: readonly unknown[], after: readonly unknown[]): boolean {
  return before.length === after.length && after.every((one, index) => one === before[index]);
}
