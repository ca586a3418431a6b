# Callgrind - nginx as one process under callgrind, and what a request costs it:
# the same bytes are asked N and then 2N times on one connection, and the
# difference is divided by N.  What the clock costs is taken out: a second that
# begins makes nginx format its times anew, and the slower a machine is, the more
# often a request finds that a millisecond is over, or has to move a timer.

package Callgrind;

use strict;
use warnings;

use Bench;

use Exporter 'import';

our @EXPORT = qw( nginx_counted measure );

# called as often as the time that has passed makes it
my %CLOCK = map { $_ => 1 } qw( ngx_time_update ngx_event_expire_timers
                                ngx_rbtree_insert ngx_rbtree_delete );

my ($Pid, $Dumps) = (0, 0);


# the configuration of that name, until the script ends
sub nginx_counted {
    my ($name, $port) = @_;

    spew("$DIR/$name.conf", "master_process off;\n" . slurp("$DIR/$name.conf"));

    $Pid = nginx($name, $port, 'valgrind', '-q', '--tool=callgrind',
                 "--callgrind-out-file=$DIR/callgrind",
                 '--compress-strings=no', '--compress-pos=no',
                 '--dump-before=ngx_reopen_files');
}


# measure PORT, BYTES, N, STATUS: instructions, those of the memo of opened
# cookies and of response headers, and calls of functions a request; BYTES may be
# a function that gives those of the next request
sub measure {
    my ($port, $bytes, $n, $expected) = @_;
    my $c = connection($port);
    my $next = ref $bytes ? $bytes : sub { $bytes };

    for (1 .. 20) {
        my $request = $next->();
        my ($status) = ask($c, $request);
        die "status $status: $request\n" if $status != $expected;
    }

    my ($one, $two) = map { window($c, $next, $_) } $n, 2 * $n;

    return {
        instructions => ($two->{cost} - $one->{cost}) / $n,
        map({ $_ => ($two->{$_} - $one->{$_}) / $n } qw( memo headers )),
        calls => { map { $_ => ($two->{calls}{$_} - ($one->{calls}{$_} // 0)) / $n }
                   keys %{ $two->{calls} } },
    };
}


# what n requests cost, with a constant for the window itself
sub window {
    my ($c, $next, $n) = @_;

    dump_now($c, $next);
    ask($c, $next->()) for 1 .. $n;

    return read_profile(dump_now($c, $next));
}


# USR1 makes nginx reopen its files, and callgrind write what it counted; a
# process that answers afterwards has written all of it
sub dump_now {
    my ($c, $next) = @_;
    my $file = "$DIR/callgrind." . ++$Dumps;

    # a signal that comes just before epoll_wait() wakes nobody: once more
    for (1 .. 20) {
        kill USR1 => $Pid;
        last if eval { wait_for('profile', sub { -e $file }, 1) };
    }

    die "no profile in $DIR\n" if !-e $file;
    ask($c, $next->());

    return $file;
}


sub read_profile {
    my ($file) = @_;
    my ($cost, $clock, $memo, $headers) = (0, 0, 0, 0);
    my ($caller, $target, %calls) = ('', '');

    for my $line (split /\n/, slurp($file)) {

        if ($line =~ /^fn=(.*)/) {
            $caller = $1;

        } elsif ($line =~ /^cfn=(.*)/) {
            $target = $1;

        } elsif ($line =~ /^calls=(\d+)/) {
            $calls{$target} += $1;

        } elsif ($line =~ /^(?:summary|totals): (\d+)/) {
            $cost = $1;

        } elsif ($target ne '' && $line =~ /^\S+ (\d+)/) {
            $clock += $1 if $CLOCK{$target} && !$CLOCK{$caller};
            $memo += of_memo($caller, $target) * $1;
            $headers += $1 if of_headers($caller) && $target !~ /_filter$/;

        } elsif (of_headers($caller) && $line =~ /^\S+ (\d+)/) {
            $headers += $1;
        }

        $target = '' if $line !~ /^(?:cfn|calls|cfi|cob)=/;
    }

    return { cost => $cost - $clock, memo => $memo, headers => $headers,
             calls => \%calls };
}


# what adds and writes headers, without the filters that it calls
sub of_headers {
    return $_[0] =~ /^ngx_http_(?:vcita_headers|header)_filter$/;
}


# 1: this call begins what the memo costs; -1: it ends it, since a session is
# copied, wiped and decoded without a memo, too
sub of_memo {
    my ($caller, $target) = @_;
    my ($from, $to) = map { /^ngx_http_vcita_(?:session_)?memo_/ ? 1 : 0 }
        $caller, $target;

    return 1 if $to && !$from;
    return -1 if $caller eq 'ngx_http_vcita_session_memo_decode'
        && $target =~ /session_decode$|memcpy|memzero/;
    return 0;
}


1;
