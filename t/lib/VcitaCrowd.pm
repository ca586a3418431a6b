# VcitaCrowd - many clients at once in one process.
#
#   my $crowd = VcitaCrowd->new(timeout => 60);
#   $crowd->add($browser, GET => $url, %options of VcitaBrowser, follow => 1);   # as often as wanted
#   my @answers = $crowd->run;                      # all at once; answers in the order of add
# or by hand:
#   $crowd->start;
#   $crowd->until(sub { ... }, 30, 'what is waited for');     # keeps the clients going meanwhile
#   $crowd->abort(0 .. 9);  $crowd->abort_all(reset => 1);    # clients that go away
#   my @answers = $crowd->finish;                             # status 0, error 'aborted' for those
# follow => 1 goes along the redirects (at most 10) with the browser's cookies; several tabs of one
# browser: add($b->tab, ...).  after => 2.5 starts a client so many seconds after start().  patient => 1
# does what a page with a refresh asks for, as often as it does, and then goes on; ->tally counts all
# answers that a browser was shown.  Nothing dies here: look at ->status and ->error of the answers.
package VcitaCrowd;

use strict;
use warnings;

use VcitaBrowser ();
use VcitaLoop qw( now scale );


sub new {
    my ($class, %opt) = @_;
    return bless { timeout => 60, loop => VcitaLoop->new, clients => [], %opt }, $class;
}


sub add {
    my ($self, $browser, $method, $url, %opt) = @_;
    push @{ $self->{clients} }, { browser => $browser, ask => [ $method, $url ], opt => \%opt };
    return $#{ $self->{clients} };
}


sub start {
    my ($self) = @_;
    for my $c (@{ $self->{clients} }) {
        next if $c->{began};
        my $go = sub { $c->{began} = now(); $self->_go($c, @{ $c->{ask} }) };
        my $after = $c->{opt}{after};
        $after ? $self->{loop}->after($after, $go) : $go->();
    }
    return $self;
}


sub run { my ($self) = @_; $self->start; return $self->finish }

sub finish {
    my ($self) = @_;
    # each exchange has its own limit; this one is for the whole of a client with redirects
    $self->{loop}->until(sub { !$self->pending }, 2 * $self->{timeout} * scale());
    $self->abort_all;
    return $self->answers;
}


sub answers { map { $_->{answer} } @{ $_[0]{clients} } }
sub pending { scalar grep { !$_->{answer} } @{ $_[0]{clients} } }

# how many have written their request
sub sent { scalar grep { $_->{answer} || $_->{exchange} && $_->{exchange}->sent } @{ $_[0]{clients} } }

# { "302" => n, "503 rate_limited" => n }: status and X-Error
sub tally { $_[0]{tally} }

# for each client: seconds from its first request to its answer, and how often it was told to wait
sub waits { map { { seconds => $_->{took}, refreshes => $_->{refreshes} || 0 } } @{ $_[0]{clients} } }


sub until {
    my ($self, $cond, $seconds, $what) = @_;
    my $end = now() + $seconds * scale();
    until ($cond->()) {
        die "crowd: gave up after $seconds s waiting for $what\n" if now() > $end;
        $self->{loop}->turn(0.01);
    }
    return 1;
}


sub abort {
    my ($self, @which) = @_;
    my %how = ref $which[-1] ? %{ pop @which } : ();
    for my $c (@{ $self->{clients} }[@which]) {
        next if $c->{answer} || !$c->{exchange};
        $c->{gone} = 1;
        $c->{exchange}->abort(%how);
    }
}


sub abort_all { my ($self, %how) = @_; $self->abort(0 .. $#{ $self->{clients} }, \%how) }


sub _go {
    my ($self, $c, $method, $url, %more) = @_;
    my $b = $c->{browser};
    $c->{hops}++;
    $c->{exchange} = $b->start($self->{loop}, $method, $url, timeout => $self->{timeout},
        ($c->{hops} == 1 ? %{ $c->{opt} } : ()), %more,
        done => sub {
            my ($r) = @_;
            my $error = $r->error // ($r->status ? $r->header('X-Error') : undef);
            $self->{tally}{ join ' ', $r->status, length $error // '' ? $error : () }++;
            if ($c->{opt}{follow} && !$c->{gone} && !$r->error && $c->{hops} <= 10) {
                if (my ($m, $to, %o) = $b->next_hop) { return $self->_go($c, $m, $to, %o) }
            }
            if ($c->{opt}{patient} && !$c->{gone} && (my ($seconds, $to) = _refresh($r))) {
                $b->forget_history;
                $c->{refreshes}++;
                $self->{loop}->after($seconds, sub { $c->{hops} = 0; $self->_go($c, GET => $to) if !$c->{gone} });
                return;
            }
            $c->{took} = now() - $c->{began};
            $c->{answer} = $r;
        });
}


# (seconds, address) of a page that tries again automatically
sub _refresh {
    my ($r) = @_;
    return if $r->error || $r->body !~ /<meta http-equiv="refresh" content="(\d+); url=([^"]+)">/;
    my ($seconds, $to) = ($1, $2);
    $to =~ s/&quot;/"/g;
    $to =~ s/&amp;/&/g;
    return ($seconds, $to);
}


1;
