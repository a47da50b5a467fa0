import { type PositioningShorthand, Tooltip, type TooltipProps } from '@fluentui/react-components';
import { useState } from 'react';

/** Says why something cannot be done. It stays around its button when the reason comes or goes, so that the button keeps the focus. */
export function ObstacleTooltip(props: {
  readonly obstacle: string | null;
  readonly positioning?: PositioningShorthand;
  readonly children: NonNullable<TooltipProps['children']>;
}) {
  const { obstacle, positioning, children } = props;
  const [wanted, setWanted] = useState(false);
  return (
    <Tooltip
      content={obstacle ?? ''}
      relationship={obstacle === null ? 'inaccessible' : 'description'}
      visible={wanted && obstacle !== null}
      onVisibleChange={(_event, { visible }) => setWanted(visible)}
      {...(positioning !== undefined && { positioning })}
    >
      {children}
    </Tooltip>
  );
}
