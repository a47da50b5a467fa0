/** What happens in a simulated cluster, for people: scenarios are logs of these, and so is the trace of a failing seed. */
export type StoryEvent =
  | { readonly kind: 'fault'; readonly text: string }
  | { readonly kind: 'user'; readonly text: string }
  | {
      readonly kind: 'power';
      readonly node: string;
      readonly what: 'off' | 'reset' | 'boots' | 'up';
      readonly why: string;
    }
  | { readonly kind: 'agent'; readonly node: string; readonly what: 'starts' | 'ends' | 'member' }
  | { readonly kind: 'store'; readonly what: 'leader'; readonly node: string | null }
  | { readonly kind: 'authority'; readonly node: string; readonly what: 'has' | 'ended' | 'back' | 'fenced' }
  | {
      readonly kind: 'promises';
      readonly node: string;
      readonly granted: boolean;
      readonly by: string;
      readonly why: string;
    }
  | { readonly kind: 'guard'; readonly node: string; readonly what: 'freezes' | 'thaws' | 'kills' | 'gives-up' }
  | { readonly kind: 'vote'; readonly node: string; readonly subject: string; readonly what: 'votes' | 'withdraws' }
  | { readonly kind: 'fenced'; readonly node: string; readonly by: string; readonly evidence: string }
  | { readonly kind: 'member'; readonly node: string }
  | { readonly kind: 'owner'; readonly vm: string; readonly node: string; readonly why: string }
  | {
      readonly kind: 'status';
      readonly vm: string;
      readonly node: string;
      readonly state: string;
      readonly why: string;
    }
  | { readonly kind: 'guest'; readonly vm: string; readonly node: string; readonly what: GuestWhat }
  | { readonly kind: 'migration'; readonly vm: string; readonly text: string }
  | { readonly kind: 'said'; readonly node: string; readonly text: string; readonly why: string }
  | { readonly kind: 'violation'; readonly text: string };

export type GuestWhat = 'runs' | 'pauses' | 'frozen' | 'thawed' | 'ends' | 'starting' | 'crashes';

const GUEST: Readonly<Record<GuestWhat, string>> = {
  runs: 'runs',
  pauses: 'is paused',
  frozen: 'is frozen',
  thawed: 'is thawed',
  ends: 'has ended',
  starting: 'is being started',
  crashes: 'crashes',
};
const POWER = { off: 'is without power', reset: 'is reset', boots: 'boots', up: 'is up' } as const;
const AUTHORITY = {
  has: 'may run VMs',
  ended: 'may run VMs no more',
  back: 'may run VMs again',
  fenced: 'learns that it was fenced',
} as const;
const GUARD = {
  freezes: 'freezes all highly available VMs',
  thaws: 'thaws',
  kills: 'kills all highly available VMs: they could not be frozen',
  'gives-up': 'stops petting the watchdog: they could not be killed',
} as const;

const because = (why: string) => (why === '' ? '' : ` (${why})`);

/** One line without the time. */
export function storyLine(event: StoryEvent): string {
  switch (event.kind) {
    case 'fault':
      return `*  ${event.text}`;
    case 'user':
      return `>  ${event.text}`;
    case 'power':
      return `   ${event.node} ${POWER[event.what]}${because(event.why)}`;
    case 'agent':
      return `   agent of ${event.node} ${event.what === 'member' ? 'is a member' : event.what}`;
    case 'store':
      return `   store: ${event.node === null ? 'no leader' : `${event.node} leads`}`;
    case 'authority':
      return `   ${event.node} ${AUTHORITY[event.what]}`;
    case 'promises':
      return `   ${event.by} ${event.granted ? 'promises' : 'refuses to promise'} ${event.node} not to vote${because(event.why)}`;
    case 'guard':
      return `   guard of ${event.node} ${GUARD[event.what]}`;
    case 'vote':
      return `   ${event.node} ${event.what === 'votes' ? `votes that ${event.subject} is gone` : `withdraws its vote about ${event.subject}`}`;
    case 'fenced':
      return `   ${event.node} is fenced by ${event.by}: ${event.evidence}`;
    case 'member':
      return `   ${event.node} is a member of the cluster`;
    case 'owner':
      return `   ${event.vm} belongs to ${event.node}${because(event.why)}`;
    case 'status':
      return `   ${event.vm} is ${event.state} on ${event.node}${because(event.why)}`;
    case 'guest':
      return `   guest of ${event.vm} on ${event.node} ${GUEST[event.what]}`;
    case 'migration':
      return `   migration of ${event.vm}: ${event.text}`;
    case 'said':
      return `   ${event.node} says: ${event.text}${event.why === '' ? '' : ` ${event.why}`}`;
    case 'violation':
      return `!  ${event.text}`;
  }
}

/** With the time in virtual seconds in front. */
export function storyText(at: number, event: StoryEvent): string {
  return `${(at / 1000).toFixed(2).padStart(8)} ${storyLine(event)}`;
}
