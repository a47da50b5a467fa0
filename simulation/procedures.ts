import type { NodeMembership, NodeService } from '../src/model/authority.ts';
import { keys } from '../src/model/keys.ts';
import { evictNode, joinNode } from './formation.ts';
import { NEW_VERSIONS } from './machine.ts';
import type { Wish } from './commands.ts';
import type { World } from './world.ts';

const LOOK_EVERY_MS = 500;
const ASK_AGAIN_MS = 5000;

type Ask = (wish: Wish) => void;

/** What an administrator does in several steps, each when the one before it is done; asked again where nobody answered. */
export class Procedures {
  readonly #world: World;
  readonly #ask: Ask;
  /** Nodes that are not through yet. */
  readonly underWay = new Set<string>();

  constructor(world: World, ask: Ask) {
    this.#world = world;
    this.#ask = ask;
  }

  /** Nodes are restarted with the new version, one after the other. No guest may notice. */
  upgrade(nodes: readonly string[]): void {
    for (const node of nodes) this.underWay.add(node);
    this.#upgradeNext([...nodes]);
  }

  #upgradeNext(nodes: string[]): void {
    const node = nodes.shift();
    if (node === undefined) return;
    const { engine, random } = this.#world;
    const machine = this.#world.machine(node);
    this.#drain(node, () => {
      machine.disturbedAt = engine.now;
      machine.powerOff('for its upgrade', 'off');
      machine.versions = NEW_VERSIONS;
      engine.after(random.machines.between(5000, 20_000), () => {
        machine.boot(random.machines.between(2000, 6000));
        this.#world.topologyChanged();
        this.#until(
          () => this.#isMember(node),
          () => this.#resume(node, () => this.#upgradeNext(nodes)),
        );
      });
    });
  }

  #resume(node: string, then: () => void): void {
    const again = () => this.#ask({ at: 0, do: 'resume-node', node, failback: true });
    again();
    this.#until(
      () => this.#service(node)?.mode === 'active' && this.#service(node)?.drain == null,
      () => {
        this.underWay.delete(node);
        then();
      },
      () => this.#service(node)?.mode !== 'active' && again(),
    );
  }

  /** Drained, switched off and removed; another one takes its place. */
  replace(node: string, by: string): void {
    const machine = this.#world.machine(node);
    const off = () => {
      machine.disturbedAt = Infinity;
      machine.powerOff('for good', 'off');
      this.evict(node, () => this.join(by));
    };
    if (machine.powered) this.#drain(node, off);
    else this.evict(node, () => this.join(by));
  }

  evict(node: string, then: () => void = () => undefined): void {
    evictNode(this.#world, node, (removed) => {
      if (removed) then();
      else if (!this.#world.machine(node).gone)
        this.#world.engine.after(ASK_AGAIN_MS, () => {
          // It has come back meanwhile: the administrator thinks better of it.
          if (!this.#world.machine(node).powered) this.evict(node, then);
        });
    });
  }

  join(node: string): void {
    joinNode(this.#world, node, (joined) => {
      if (!joined && !this.#world.machine(node).powered) {
        this.#world.engine.after(ASK_AGAIN_MS, () => this.join(node));
      }
    });
  }

  #drain(node: string, then: () => void): void {
    const again = () => this.#ask({ at: 0, do: 'drain-node', node });
    again();
    this.#until(
      () => this.#service(node)?.mode === 'paused',
      then,
      () => {
        const { mode, drain } = this.#service(node) ?? {};
        // A VM that could not be moved in three tries stays; the administrator cancels, and begins anew.
        const stuck = Object.values(drain?.failures ?? {}).some(({ tries }) => tries >= 3);
        if (mode === 'draining' && stuck) this.#ask({ at: 0, do: 'resume-node', node });
        else if (mode !== 'draining') again();
      },
    );
  }

  #until(isDone: () => boolean, then: () => void, again: () => void = () => undefined): void {
    let looks = 0;
    const look = () => {
      if (isDone()) return then();
      looks += 1;
      if (looks % (ASK_AGAIN_MS / LOOK_EVERY_MS) === 0) again();
      this.#world.engine.after(LOOK_EVERY_MS, look);
    };
    this.#world.engine.after(LOOK_EVERY_MS, look);
  }

  #service(node: string): NodeService | undefined {
    return this.#world.store.get(keys.nodeService(node))?.value as NodeService | undefined;
  }

  #isMember(node: string): boolean {
    const membership = this.#world.store.get(keys.nodeMembership(node))?.value as NodeMembership | undefined;
    return membership?.state === 'member' && membership.bootId === this.#world.machine(node).bootId;
  }
}
