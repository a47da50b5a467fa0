import type { NetworkName } from './network.ts';

/** Something that goes wrong, or is changed underneath the cluster. */
export type Fault =
  | {
      readonly at: number;
      readonly do: 'power-loss' | 'reset';
      readonly node: string;
      readonly backAfter: number | null;
    }
  | { readonly at: number; readonly do: 'freeze'; readonly node: string; readonly forMs: number }
  | {
      readonly at: number;
      readonly do: 'pause-agent' | 'pause-guard' | 'stall-guard' | 'worst-guard';
      readonly node: string;
      readonly forMs: number;
    }
  | { readonly at: number; readonly do: 'crash-agent'; readonly node: string; readonly backAfter: number }
  | { readonly at: number; readonly do: 'crash-guard'; readonly node: string; readonly backAfter: number }
  | {
      readonly at: number;
      readonly do: 'cut';
      readonly from: string;
      /** Empty: all others. */
      readonly to: readonly string[];
      readonly networks: readonly NetworkName[];
      readonly oneWay: boolean;
      readonly forMs: number;
    }
  | { readonly at: number; readonly do: 'clog'; readonly from: string; readonly to: string; readonly forMs: number }
  | { readonly at: number; readonly do: 'lose-messages'; readonly rate: number; readonly forMs: number }
  | { readonly at: number; readonly do: 'stop-store'; readonly nodes: readonly string[]; readonly forMs: number }
  | {
      readonly at: number;
      readonly do: 'stall-store-disk' | 'stall-watch' | 'stall-storage';
      readonly node: string;
      readonly forMs: number;
    }
  | { readonly at: number; readonly do: 'fill-store'; readonly forMs: number }
  | { readonly at: number; readonly do: 'crash-guest' | 'hang-guest'; readonly vm: string }
  | { readonly at: number; readonly do: 'controller'; readonly node: string; readonly mode: 'works' | 'dead' | 'slow' }
  | { readonly at: number; readonly do: 'seat' | 'unseat'; readonly node: string }
  /** A copy of the whole store is made; the store is lost and set back to that copy. */
  | { readonly at: number; readonly do: 'save-store' | 'restore-store' };

/** Of a live migration: `stopped` the guest on the source, `loaded` all at the destination, `failed` after that, `completed` the source … */
export type Moment =
  | ('stopped' | 'loaded' | 'failed' | 'completed' | 'go' | 'closing')
  /** Somebody is about to write that a node is fenced, or that another one owns its VMs. */
  | ('takeover' | 'assign')
  /** A voter is about to write its vote. */
  | 'vote';

/**
 * Waits for the next such moment and hits then: the times of `hits` count from it, and `source`, `destination`, `actor`, `subject`
 * and `leader` in them are the names of those who take part in it.
 */
export interface Strike {
  readonly at: number;
  readonly do: 'strike';
  readonly moment: Moment;
  /** Null: of any VM. */
  readonly vm: string | null;
  readonly hits: readonly Fault[];
}

/** What somebody asks for. */
export type Wish =
  | { readonly at: number; readonly do: 'migrate'; readonly vm: string; readonly to: string }
  | { readonly at: number; readonly do: 'cancel'; readonly vm: string }
  | { readonly at: number; readonly do: 'turn-off' | 'start'; readonly vm: string }
  | { readonly at: number; readonly do: 'delete'; readonly vm: string }
  | { readonly at: number; readonly do: 'pause-node' | 'drain-node'; readonly node: string }
  | { readonly at: number; readonly do: 'resume-node'; readonly node: string; readonly failback?: boolean }
  | { readonly at: number; readonly do: 'join-node' | 'evict-node'; readonly node: string }
  /** Drained, switched off, removed; `by` joins in its place. */
  | { readonly at: number; readonly do: 'replace-node'; readonly node: string; readonly by: string }
  /** One after the other: drained, booted with the new version, resumed with failback. */
  | { readonly at: number; readonly do: 'upgrade-nodes'; readonly nodes: readonly string[] }
  | { readonly at: number; readonly do: 'confirm-dead'; readonly node: string }
  | { readonly at: number; readonly do: 'disarm' | 'arm' };

/** One thing that happens to the cluster, at a time in virtual milliseconds. Plain data, so that a plan can be kept, shrunk and replayed. */
export type Command = Fault | Strike | Wish;
