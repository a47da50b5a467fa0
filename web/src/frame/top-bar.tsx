import {
  Avatar,
  Badge,
  Button,
  makeStyles,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Subtitle2,
  Text,
  tokens,
  Tooltip,
} from '@fluentui/react-components';
import { NavigationRegular, SignOutRegular } from '@fluentui/react-icons';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useCluster, useCurrent, useLive } from '../live/live-hooks.ts';
import { useSignedIn } from '../session/session-context.ts';
import { useNarrow } from '../ui/narrow.ts';
import { Search } from './search.tsx';
import { AppearanceButtons } from './appearance-buttons.tsx';

const useStyles = makeStyles({
  bar: {
    display: 'flex',
    alignItems: 'center',
    gap: tokens.spacingHorizontalM,
    height: '48px',
    paddingInline: tokens.spacingHorizontalM,
    backgroundColor: tokens.colorNeutralBackground1,
    borderBottom: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
  },
  brand: {
    display: 'flex',
    alignItems: 'center',
    gap: tokens.spacingHorizontalS,
    color: 'inherit',
    textDecoration: 'none',
    minWidth: 0,
  },
  name: { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  middle: { flexGrow: 1, display: 'flex', justifyContent: 'center', minWidth: 0 },
  served: { color: tokens.colorNeutralForeground3, whiteSpace: 'nowrap' },
});

export function TopBar({ onOpenTree }: { readonly onOpenTree: (() => void) | null }) {
  const styles = useStyles();
  const { t } = useTranslation('frame');
  const narrow = useNarrow();
  const cluster = useCluster();
  const servedBy = useLive((state) => state.servedBy);
  const current = useCurrent();
  return (
    <header className={styles.bar}>
      {onOpenTree !== null && (
        <Tooltip content={t('openNavigation')} relationship="label">
          <Button appearance="subtle" icon={<NavigationRegular />} onClick={onOpenTree} />
        </Tooltip>
      )}
      <Link href="/" className={styles.brand} {...(narrow && { 'aria-label': t('home') })}>
        <img src="/godwit.svg" alt="" width={24} height={24} />
        {!narrow && <Subtitle2 className={styles.name}>{cluster?.name ?? 'Godwit'}</Subtitle2>}
      </Link>
      <div className={styles.middle}>
        <Search />
      </div>
      {!narrow && servedBy !== null && (
        <Tooltip content={t('servedByLong', { node: servedBy })} relationship="description">
          <Text size={200} className={styles.served} tabIndex={0}>
            <Badge size="extra-small" color={current ? 'success' : 'warning'} /> {servedBy}
          </Text>
        </Tooltip>
      )}
      <AppearanceButtons />
      <UserMenu />
    </header>
  );
}

function UserMenu() {
  const { t } = useTranslation('frame');
  const { session, signOut } = useSignedIn();
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <Button
          appearance="subtle"
          icon={<Avatar size={24} name={session.user} color="brand" />}
          aria-label={t('account', { user: session.user })}
        />
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItem icon={<SignOutRegular />} onClick={signOut}>
            {t('signOut')}
          </MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
