import { Button, Spinner } from '@fluentui/react-components';
import { ErrorCircleRegular } from '@fluentui/react-icons';
import { Component, type ReactNode, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { EmptyState } from './empty-state.tsx';

/** A page whose code is still on its way, or failed: the frame around it stays usable. */
export function LazyPage({ children }: { readonly children: ReactNode }) {
  const [at] = useLocation();
  return (
    <Boundary at={at}>
      <Suspense fallback={<Waiting />}>{children}</Suspense>
    </Boundary>
  );
}

interface BoundaryProps {
  /** Where the page is: another address is another chance. */
  readonly at: string;
  readonly children: ReactNode;
}

class Boundary extends Component<BoundaryProps, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidUpdate(before: BoundaryProps) {
    if (before.at !== this.props.at && this.state.error !== null) this.setState({ error: null });
  }

  override render() {
    return this.state.error === null ? this.props.children : <Broken error={this.state.error} />;
  }
}

function Broken({ error }: { readonly error: unknown }) {
  const { t } = useTranslation('ui');
  return (
    <EmptyState
      icon={<ErrorCircleRegular />}
      title={t('pageBroken')}
      text={
        <>
          {t('pageBrokenText')} <code lang="en">{error instanceof Error ? error.message : String(error)}</code>
        </>
      }
      action={
        <Button appearance="primary" onClick={() => location.reload()}>
          {t('reload')}
        </Button>
      }
    />
  );
}

function Waiting() {
  const { t } = useTranslation('ui');
  return <Spinner delay={150} aria-label={t('loading')} style={{ minHeight: '12rem' }} />;
}
