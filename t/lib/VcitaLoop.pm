# VcitaLoop - a tiny event loop: descriptors through poll(2), timers, nothing else.
#
#   my $loop = VcitaLoop->new;
#   $loop->watch($fh, 'r' | 'w' | 'rw', sub { ... });  $loop->forget($fh);
#   my $t = $loop->after(1.5, sub { ... });            $loop->cancel($t);
#   $loop->turn($max_seconds);                         # one round
#   $loop->until(sub { $done }, $seconds);             # true, or false after the limit
package VcitaLoop;

use strict;
use warnings;

use Exporter 'import';
use IO::Poll qw( POLLIN POLLOUT POLLERR POLLHUP POLLNVAL );
use Time::HiRes ();

our @EXPORT_OK = qw( now scale come_first );

my %MASK = ( r => POLLIN, w => POLLOUT, rw => POLLIN | POLLOUT );


# monotonic seconds
sub now { Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }


# every time limit of these instruments is multiplied by this (slow machines)
sub scale {
    return $ENV{VCITA_TEST_SCALE} || ($ENV{TEST_NGINX_USE_VALGRIND} ? 10 : 1);
}


# A process comes before the others of this machine, as far as that is allowed (root): what is measured shall not be
# how busy they are.  Priorities count within a session only where the kernel groups by it: those have one, too.
sub come_first {
    my ($pid) = @_;
    eval { setpriority 0, $pid, -20 };
    open my $fh, '>', "/proc/$pid/autogroup" or return;
    print $fh '-20';
    close $fh;
}


sub new { bless { io => {}, timers => {}, next => 0 }, shift }


sub watch {
    my ($self, $fh, $mode, $cb) = @_;
    $self->{io}{ fileno $fh } = [ $MASK{$mode}, $cb ];
}


# to be called before the handle is closed
sub forget {
    my ($self, $fh) = @_;
    my $fd = fileno $fh;
    delete $self->{io}{$fd} if defined $fd;
}


sub after {
    my ($self, $seconds, $cb) = @_;
    my $id = ++$self->{next};
    $self->{timers}{$id} = [ now() + $seconds, $cb ];
    return $id;
}


sub cancel {
    my ($self, $id) = @_;
    delete $self->{timers}{$id} if defined $id;
}


sub turn {
    my ($self, $max) = @_;
    my $timers = $self->{timers};
    my $wait   = $max;
    my $now    = now();

    for (values %$timers) {
        my $left = $_->[0] - $now;
        $wait = $left if $left < $wait;
    }
    $wait = 0 if $wait < 0;

    my @poll = map { $_ => $self->{io}{$_}[0] } keys %{ $self->{io} };
    my %asked = @poll;

    if (!@poll) {
        Time::HiRes::sleep($wait) if $wait > 0;

    } elsif (IO::Poll::_poll(int($wait * 1000 + 0.999), @poll) > 0) {
        while (my ($fd, $got) = splice @poll, 0, 2) {
            next unless $got && $got & ($asked{$fd} | POLLERR | POLLHUP | POLLNVAL);
            my $io = $self->{io}{$fd} or next;
            $io->[1]->();
        }
    }

    $now = now();
    return unless grep { $_->[0] <= $now } values %$timers;
    for my $id (sort { $a <=> $b } keys %$timers) {
        my $t = $timers->{$id} or next;
        next if $t->[0] > $now;
        delete $timers->{$id};
        $t->[1]->();
    }
}


sub until {
    my ($self, $cond, $seconds) = @_;
    my $end = now() + $seconds;

    until ($cond->()) {
        my $left = $end - now();
        return 0 if $left <= 0;
        $self->turn($left < 0.5 ? $left : 0.5);
    }
    return 1;
}


1;
