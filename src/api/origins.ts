import type { FastifyRequest } from 'fastify';
import type { SessionView } from '../contract/session.ts';
import { type ClusterReader, type ClusterState, knownNodes, nodeState, type Now } from '../model/cluster-state.ts';
import type { NodeName } from '../model/names.ts';
import type { NodeFacts } from '../model/node.ts';

/** The origin of a page that this node served under the name by which this request has come. */
export function ownOrigin(request: FastifyRequest): string {
  const url = `https://${request.host}`;
  // It gets into headers, and into comparisons with what browsers write.
  return URL.canParse(url) ? new URL(url).origin : 'https://unknown.invalid';
}

/** Where a browser says the request comes from; null: it is no browser's, or one that need not say. */
export function claimedOrigin(request: FastifyRequest): string | null {
  return request.headers.origin ?? null;
}

/** Whether it is the origin of any member's page, under any of its names. */
export function isMemberOrigin(reader: ClusterReader, origin: string): boolean {
  return memberOrigins(reader.current()).has(origin);
}

export function memberOrigins(state: ClusterState): Set<string> {
  return new Set(knownNodes(state).flatMap(({ facts }) => originsOf(facts.value)));
}

/** Best first: as its configuration names them. A witness has no API. */
function originsOf(facts: NodeFacts): string[] {
  if (facts.role === 'witness') return [];
  return [facts.apiUrl, ...(facts.alsoReachedAs ?? [])].flatMap((url) =>
    URL.canParse(url) ? [new URL(url).origin] : [],
  );
}

/**
 * Where a page may go on, for one that has come to `own` by `origin`. The names of each node come in the order of its
 * networks, which is the same on all nodes: whoever has come by the second one is sent to the second ones.
 */
export function placesToGoOn(
  shown: { readonly state: ClusterState; readonly now: Now },
  own: NodeName,
  origin: string,
): SessionView['nodes'] {
  const nodes = knownNodes(shown.state).filter(({ facts }) => facts.value.role === 'node');
  const names = nodes.map(({ facts }) => facts.value.name).sort();
  const place = (name: NodeName) => (names.indexOf(name) - names.indexOf(own) + names.length) % names.length;
  const ownFacts = nodes.find(({ facts }) => facts.value.name === own)?.facts.value;
  const network = Math.max(0, ownFacts === undefined ? 0 : originsOf(ownFacts).indexOf(origin));
  return nodes
    .map((entry) => {
      const { name } = entry.facts.value;
      const urls = originsOf(entry.facts.value);
      const first = urls[network];
      const answers = name === own || ANSWERING.has(nodeState(entry, shown.now));
      return {
        rank: (name === own ? 0 : answers ? 1 : 2) * names.length + place(name),
        node: { name, urls: first === undefined ? urls : [first, ...urls.filter((url) => url !== first)] },
      };
    })
    .sort((a, b) => a.rank - b.rank)
    .map(({ node }) => node);
}

const ANSWERING = new Set<string>(['up', 'paused', 'draining', 'quarantined']);
