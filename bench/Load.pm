# Load - wrk on one cpu, what is measured on the other, and what it costs there.

package Load;

use strict;
use warnings;

use Bench;

use Exporter 'import';

our @EXPORT = qw( $FRONT_CPU $BACK_CPU cpu_ns rss load );

# a machine with one cpu has no other
our ($FRONT_CPU, $BACK_CPU) = `nproc` > 1 ? (0, 1) : (0, 0);


# nanoseconds that a process, all its threads, has run: the kernel's own account
sub cpu_ns {
    my $sum = 0;

    for my $pid (@_) {
        for my $task (glob "/proc/$pid/task/*/schedstat") {
            $sum += (split ' ', slurp($task))[0];
        }
    }

    return $sum;
}


# MiB
sub rss {
    my $sum = 0;

    for my $pid (@_) {
        $sum += $1 / 1024 if slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
    }

    return $sum;
}


# load PIDS, URL, SECONDS, OPTIONS...: one round of wrk; what the processes
# spent, per request, and what the clients saw
sub load {
    my ($pids, $url, $seconds, @options) = @_;

    my $before = cpu_ns(@$pids);
    my $out = wrk($url, $seconds, @options);
    my $spent = cpu_ns(@$pids) - $before;

    my ($requests) = $out =~ /^\s*(\d+) requests in/m
        or die "wrk $url: $out\n";

    die "wrk $url: answers other than 2xx or 3xx\n$out" if $out =~ /Non-2xx/;
    die "wrk $url: no answers\n$out" if !$requests;

    return {
        cpu => $spent / 1000 / $requests,                     # microseconds
        rate => ($out =~ m{^Requests/sec:\s+([\d.]+)}m)[0],
        p50 => microseconds($out =~ /^\s+50%\s+(\S+)/m),
        p99 => microseconds($out =~ /^\s+99%\s+(\S+)/m),
        max => microseconds($out =~ /^\s+Latency\s+\S+\s+\S+\s+(\S+)/m),
    };
}


sub wrk {
    my ($url, $seconds, @options) = @_;

    push @options, '-c16' if !grep { /^-c/ } @options;

    # wrk counts whole seconds only
    $seconds = 1 if $seconds < 1;

    open my $pipe, '-|', 'taskset', '-c', $BACK_CPU, 'wrk', '-t1',
        "-d$seconds", '--latency', @options, $url or die "wrk: $!\n";

    local $/;
    return <$pipe>;
}


sub microseconds {
    my ($number, $unit) = $_[0] =~ /^([\d.]+)(us|ms|s)$/ or return 0;

    return $number * { us => 1, ms => 1000, s => 1_000_000 }->{$unit};
}


1;
