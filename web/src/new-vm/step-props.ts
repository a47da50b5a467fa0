import type { NewVm } from './new-vm-draft.ts';

export interface StepProps {
  readonly draft: NewVm;
  readonly change: (part: Partial<NewVm>) => void;
}
