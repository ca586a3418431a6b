# Callgrind - nginx as one process under callgrind, and what a request costs it:
# the same bytes are asked N and then 2N times on one connection, and the
# difference is divided by N.  What the clock costs (a second that begins makes
# nginx format its times anew) is taken out.

package Callgrind;

use strict;
use warnings;

use Bench;

use Exporter 'import';

our @EXPORT = qw( nginx_counted measure );

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


# measure PORT, BYTES, N, STATUS: instructions and calls of functions a request
sub measure {
    my ($port, $bytes, $n, $expected) = @_;
    my $c = connection($port);
    my $status;

    ($status) = ask($c, $bytes) for 1 .. 20;
    die "status $status: $bytes\n" if $status != $expected;

    my ($one, $two) = map { window($c, $bytes, $_) } $n, 2 * $n;

    return {
        instructions => ($two->{cost} - $one->{cost}) / $n,
        calls => { map { $_ => ($two->{calls}{$_} - ($one->{calls}{$_} // 0)) / $n }
                   keys %{ $two->{calls} } },
    };
}


# what n requests cost, with a constant for the window itself
sub window {
    my ($c, $bytes, $n) = @_;

    dump_now($c, $bytes);
    ask($c, $bytes) for 1 .. $n;

    return read_profile(dump_now($c, $bytes));
}


# USR1 makes nginx reopen its files, and callgrind write what it counted; a
# process that answers afterwards has written all of it
sub dump_now {
    my ($c, $bytes) = @_;
    my $file = "$DIR/callgrind." . ++$Dumps;

    # a signal that comes just before epoll_wait() wakes nobody: once more
    for (1 .. 20) {
        kill USR1 => $Pid;
        last if eval { wait_for('profile', sub { -e $file }, 1) };
    }

    die "no profile in $DIR\n" if !-e $file;
    ask($c, $bytes);

    return $file;
}


sub read_profile {
    my ($file) = @_;
    my ($cost, $clock, $target, %calls) = (0, 0, '');

    for my $line (split /\n/, slurp($file)) {

        if ($line =~ /^cfn=(.*)/) {
            $target = $1;

        } elsif ($line =~ /^calls=(\d+)/) {
            $calls{$target} += $1;

        } elsif ($line =~ /^(?:summary|totals): (\d+)/) {
            $cost = $1;

        } elsif ($target eq 'ngx_time_update' && $line =~ /^\S+ (\d+)/) {
            $clock += $1;
        }

        $target = '' if $line !~ /^(?:cfn|calls|cfi|cob)=/;
    }

    return { cost => $cost - $clock, calls => \%calls };
}


1;
