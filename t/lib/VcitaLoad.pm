# VcitaLoad - logged-in browsers that go on navigating, in a process of their own, while the test does something.
#
#   my $load = VcitaLoad->start([@browsers], @urls);    # each browser goes from address to address
#   $load->count;                                       # answers so far
#   my $r = $load->stop;   # { n, statuses { 200 => n }, set (session cookies), moved, cookies [ the browsers' last ] }
# Where no server answers, the next address is asked, as a load balancer would, and `moved` counts it.  Any other
# answer that does not come counts as its error's text.  It ends with the object, by its pid.
package VcitaLoad;

use strict;
use warnings;

use IO::Handle ();
use IO::Select ();
use JSON::PP ();
use POSIX ();
use Time::HiRes ();
use VcitaCrowd ();
use VcitaLoop qw( now scale );

my $LIFE = 170;


sub start {
    my ($class, $browsers, @urls) = @_;
    pipe my $from, my $to or die "pipe: $!";

    my $parent = $$;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $from;
        $SIG{$_} = 'DEFAULT' for qw( __DIE__ __WARN__ ALRM INT );
        my $r = eval { _child($to, $parent, $browsers, @urls) } || { error => "$@" };
        syswrite $to, JSON::PP->new->encode($r) . "\n";
        POSIX::_exit(0);
    }
    close $to;

    return bless { pid => $pid, from => $from, owner => $$, got => '', n => 0 }, $class;
}


# the child writes a dot for each answer
sub count {
    my ($self) = @_;
    while (IO::Select->new($self->{from})->can_read(0)) {
        sysread $self->{from}, my $more, 65536 or die "the load has gone: $self->{got}\n";
        $self->_take($more);
    }
    die "the load has ended: $self->{got}\n" if $self->{got} ne '';
    return $self->{n};
}


sub _take {
    my ($self, $more) = @_;
    $self->{n} += length $1 if $more =~ s/^(\.+)//;
    $self->{got} .= $more;
}


sub stop {
    my ($self) = @_;
    kill TERM => $self->{pid};
    my $end = now() + 30 * scale();
    while ($self->{got} !~ /\n/) {
        my $left = $end - now();
        die "the load did not end\n" if $left <= 0;
        IO::Select->new($self->{from})->can_read($left) or next;
        sysread $self->{from}, my $more, 65536 or die "the load has gone\n";
        $self->_take($more);
    }
    waitpid delete $self->{pid}, 0;
    my $r = JSON::PP->new->decode($self->{got});
    die "the load: $r->{error}\n" if $r->{error};
    return $r;
}


sub DESTROY {
    my ($self) = @_;
    return if !$self->{pid} || $self->{owner} != $$;
    local $?;
    kill KILL => $self->{pid};
    waitpid $self->{pid}, 0;
}


sub _child {
    my ($to, $parent, $browsers, @urls) = @_;
    my ($stop, %r) = (0, n => 0, statuses => {}, set => 0, moved => 0);
    my $begin = now();

    local $SIG{TERM} = sub { $stop = 1 };
    $_->forget_history for @$browsers;

    for (my $round = 0; !$stop; $round++) {
        my $crowd = VcitaCrowd->new(timeout => 20);
        # two tabs of each browser, at two places
        for my $i (0 .. $#$browsers) {
            $crowd->add($browsers->[$i]->tab, GET => $urls[ ($round + $i + $_) % @urls ]) for 0, 1;
        }
        my @answers = $crowd->run;
        for my $i (0 .. $#answers) {
            my $answer = $answers[$i];
            for my $url (@urls) {
                last if $answer->status || length $answer->body || $answer->error !~ /refused|reset|closed|ended/i;
                $r{moved}++;
                $answer = $browsers->[ $i / 2 ]->tab->get($url, soft => 1);
            }
            $r{n}++;
            $r{statuses}{ $answer->status || $answer->error }++;
            $r{set} += grep { /^vcita_session=./ } @{ $answer->set_cookies };
            syswrite $to, '.';
        }
        die "the load was not stopped\n" if now() - $begin > $LIFE * scale() || getppid != $parent;
    }
    $r{cookies} = [ map { $_->cookie('vcita_session') } @$browsers ];
    return \%r;
}


1;
