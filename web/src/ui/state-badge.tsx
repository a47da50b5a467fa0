import { Badge, type BadgeProps } from '@fluentui/react-components';
import {
  ArrowSyncCircleFilled,
  CheckmarkCircleFilled,
  CircleFilled,
  DismissCircleFilled,
  PauseCircleFilled,
  ShieldErrorFilled,
  SubtractCircleFilled,
  WarningFilled,
} from '@fluentui/react-icons';
import type { ReactElement } from 'react';
import type { Tone } from './tones.ts';

const TONES: Record<Tone, { readonly color: NonNullable<BadgeProps['color']>; readonly icon: ReactElement }> = {
  good: { color: 'success', icon: <CheckmarkCircleFilled /> },
  busy: { color: 'brand', icon: <ArrowSyncCircleFilled /> },
  paused: { color: 'informative', icon: <PauseCircleFilled /> },
  idle: { color: 'subtle', icon: <SubtractCircleFilled /> },
  warning: { color: 'warning', icon: <WarningFilled /> },
  bad: { color: 'danger', icon: <DismissCircleFilled /> },
  fenced: { color: 'danger', icon: <ShieldErrorFilled /> },
};

/** A state with its colour, its shape and its word: never the colour alone. */
export function StateBadge({ tone, text }: { readonly tone: Tone; readonly text: string }) {
  const { color, icon } = TONES[tone];
  return (
    <Badge appearance="tint" color={color} icon={icon} shape="rounded" style={{ whiteSpace: 'nowrap' }}>
      {text}
    </Badge>
  );
}

const DOTS: Record<Tone, string> = {
  good: 'var(--colorStatusSuccessForeground1)',
  busy: 'var(--colorBrandForeground1)',
  paused: 'var(--colorNeutralForeground3)',
  idle: 'var(--colorNeutralForeground4)',
  warning: 'var(--colorStatusWarningForeground1)',
  bad: 'var(--colorStatusDangerForeground1)',
  fenced: 'var(--colorStatusDangerForeground1)',
};

/** For narrow places such as the tree; `text` is its name for screen readers. */
export function StateDot({ tone, text }: { readonly tone: Tone; readonly text: string }) {
  return (
    <span role="img" aria-label={text} title={text} style={{ color: DOTS[tone], fontSize: 10, lineHeight: 1 }}>
      <CircleFilled fontSize={10} />
    </span>
  );
}
