import { useTranslation } from 'react-i18next';
import type { VmView } from '../../../src/contract/vms.ts';
import { StateBadge } from '../ui/state-badge.tsx';
import { vmTone } from '../ui/tones.ts';
import { shownState } from './shown-state.ts';

/** `named`: with the VM's name, where nothing else says whose state it is. */
export function VmStateBadge({ vm, named = false }: { readonly vm: VmView; readonly named?: boolean }) {
  const { t } = useTranslation('ui');
  const state = shownState(vm);
  const text = t(`vmStates.${state}`);
  return <StateBadge tone={vmTone(state)} text={named ? `${vm.name}: ${text}` : text} />;
}
