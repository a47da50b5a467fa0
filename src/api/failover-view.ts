// What the cluster would do about a dead node, and what stands behind it, as shown to the user.
import type { ClusterView } from '../contract/cluster.ts';
import { MEMBERS_FOR_VOTES } from '../failover/quorum.ts';
import type { Survival } from '../failover/survival.ts';
import { knownNodes, type NodeEntry, nodeState } from '../model/cluster-state.ts';
import type { StoreMember } from '../ports/store.ts';
import type { Shown } from './views.ts';

/** By name; witnesses run no VM. */
export function fencingViews(shown: Shown): ClusterView['fencing'] {
  return vmNodes(shown).map((entry) => {
    const heartbeat = entry.heartbeat?.value ?? null;
    return {
      node: entry.facts.value.name,
      authority: authorityOf(shown, entry),
      watchdogMs: heartbeat?.guard?.watchdogMs ?? null,
      takeoverMs: heartbeat?.takeoverMs ?? null,
      votesNeeded: heartbeat?.votesNeeded ?? null,
      voters: heartbeat?.voters ?? [],
      powerFencing: entry.fencing?.value.agent ?? null,
    };
  });
}

function authorityOf({ now }: Shown, entry: NodeEntry): ClusterView['fencing'][number]['authority'] {
  const state = nodeState(entry, now);
  if (state === 'fenced') return 'ended';
  if (state === 'isolated') return 'promised';
  if (state === 'down') return 'unknown';
  return entry.heartbeat?.value.guard?.frozen === true ? 'ended' : 'held';
}

/** `storeMembers`: how many the database has. */
export function failoverView(shown: Shown, storeMembers: number): ClusterView['failover'] {
  const nodes = vmNodes(shown);
  const notes: string[] = [];
  const availability = shown.state.availability?.value;
  if (availability?.armed === false) {
    notes.push(
      `The cluster was disarmed by ${availability.by} (${availability.reason}): no VM is brought back by itself. Arm it with \`godwit ha arm\`.`,
    );
  }
  if (nodes.length === 1) notes.push(singleNode());
  else if (storeMembers < MEMBERS_FOR_VOTES) notes.push(noThirdVote(nodes.length));
  const unguarded = nodes.filter(
    (entry) => nodeState(entry, shown.now) !== 'down' && (entry.heartbeat?.value.guard?.watchdogMs ?? null) === null,
  );
  if (unguarded.length > 0) notes.push(withoutWatchdog(unguarded.map((entry) => entry.facts.value.name)));
  // What the nodes themselves say is what counts: their terms may lag behind all of this.
  const withoutVote = nodes.filter((entry) => (entry.heartbeat?.value.takeoverMs ?? null) === null);
  if (notes.length === 0 && withoutVote.length > 0)
    notes.push(notYet(withoutVote.map((entry) => entry.facts.value.name)));
  return { automatic: notes.length === 0, notes };
}

/** Room for the VMs is not enough: the database must survive the loss as well, and somebody must act on it. */
export function survivalView(
  survival: Survival,
  { failover, members }: { readonly failover: ClusterView['failover']; readonly members: readonly StoreMember[] },
): ClusterView['survival'] {
  if (!survival.survives) return survival;
  const healthy = members.filter((member) => member.healthy);
  const majority = Math.floor(members.length / 2) + 1;
  if (healthy.length - 1 < majority) {
    const names = healthy.map(({ name }) => name).join(', ');
    const text = `There is room for the VMs of any one node, but the database does not survive the loss of one more member (${names}).`;
    return { ...survival, survives: false, text };
  }
  if (failover.automatic) return survival;
  return {
    ...survival,
    survives: false,
    text: 'There is room for the VMs of any one node, but they are not brought back by themselves.',
  };
}

function singleNode(): string {
  return 'There is only one node: its VMs cannot be brought back elsewhere. Add one with `godwit cluster join`.';
}

function noThirdVote(nodes: number): string {
  return (
    `${nodes === 2 ? 'Two nodes without a third vote' : `${nodes} nodes, but fewer than ${MEMBERS_FOR_VOTES} votes`}: when one falls silent, the others cannot know whether it is ` +
    'dead or only cut off, so no VM is brought back without confirmation. Add a third vote (`godwit cluster join --witness` on a third machine); ' +
    'until then confirm a dead node with `godwit node confirm-dead NAME --confirm NAME`, or configure power fencing.'
  );
}

function withoutWatchdog(names: readonly string[]): string {
  const who = `${names.join(', ')} ${names.length === 1 ? 'has' : 'have'}`;
  return `${who} no armed watchdog: nothing would reset such a node if its guard hung, so its VMs are brought back only once it is confirmed dead or its power is off. Load a watchdog driver (\`modprobe softdog\`) and name the device in the configuration.`;
}

function notYet(names: readonly string[]): string {
  return `${names.join(', ')} cannot be taken over by vote yet: the heartbeat does not say after what silence. Wait some seconds, then look again.`;
}

function vmNodes({ state }: Shown): NodeEntry[] {
  return knownNodes(state)
    .filter((entry) => entry.facts.value.role === 'node')
    .sort((a, b) => (a.facts.value.name < b.facts.value.name ? -1 : 1));
}
