# Load - wrk on one cpu, what is measured on the other, and what it costs there.

package Load;

use strict;
use warnings;

use Bench;

use Exporter 'import';

our @EXPORT = qw( $FRONT_CPU $BACK_CPU cpu_ns memory_of load
                  together driver );

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


# MiB, by the name that /proc/PID/status has for it
sub memory_of {
    my ($pid, $what) = @_;
    return slurp("/proc/$pid/status") =~ /^$what:\s+(\d+)/m ? $1 / 1024
        : die "$what: not known here\n";
}


# load PIDS, URL, SECONDS, OPTIONS...: one round of wrk; what the processes
# spent, per request, and what the clients saw
sub load {
    my ($pids, $url, $seconds, @options) = @_;

    return (together($seconds, { pids => $pids, url => $url,
                                 options => \@options }))[0];
}


# together SECONDS, JOBS...: several loads at once, each of processes of its own:
# pids, url, options; h2: by HTTP/2
sub together {
    my ($seconds, @jobs) = @_;

    # wrk counts whole seconds only
    $seconds = 1 if $seconds < 1;

    # a busy machine may give no answer in a second
    for my $longer (1, 5, 20) {
        my @found = loaded($seconds * $longer, @jobs);

        return @found if !grep { !$_ } @found;
    }

    die "no answers: @{[ map { $_->{url} } @jobs ]}\n";
}


sub loaded {
    my ($seconds, @jobs) = @_;
    my @before = map { cpu_ns(@{ $_->{pids} }) } @jobs;
    my @pipes = map { driver($_, $seconds) } @jobs;
    my @said = map { local $/; scalar readline $_ } @pipes;
    my @after = map { cpu_ns(@{ $_->{pids} }) } @jobs;

    return map {
        counted($jobs[$_]{url}, $said[$_], $after[$_] - $before[$_])
    } 0 .. $#jobs;
}


# wrk, or h2load, of sixteen connections; what it will say
sub driver {
    my ($job, $seconds) = @_;
    my @options = @{ $job->{options} // [] };

    push @options, '-c16' if !grep { /^-c/ } @options;

    my @command = $job->{h2} ? ('h2load', '-m4', "-D$seconds")
        : ('wrk', "-d$seconds", '--latency');

    open my $pipe, '-|', 'taskset', '-c', $BACK_CPU, @command, '-t1',
        @options, $job->{url} or die "$command[0]: $!\n";

    return $pipe;
}


sub counted {
    my ($url, $out, $spent) = @_;
    my ($requests) = $out =~ /^\s*(\d+) requests in|(\d+) succeeded/m
        ? $1 // $2 : die "$url: $out\n";

    die "$url: answers other than 2xx or 3xx\n$out"
        if $out =~ /Non-2xx|[1-9]\d* [45]xx|[1-9]\d* failed/;
    return undef if !$requests;

    # copies: $1 would change with the next match
    my $rate = $out =~ m{^Requests/sec:\s+([\d.]+)|, ([\d.]+) req/s}m
        ? 0 + ($1 // $2) : 0;

    return {
        cpu => $spent / 1000 / $requests,                     # microseconds
        rate => $rate,
        p50 => microseconds($out =~ /^\s+50%\s+(\S+)/m),
        p99 => microseconds($out =~ /^\s+99%\s+(\S+)/m),
        max => microseconds($out =~ /^\s+Latency\s+\S+\s+\S+\s+(\S+)/m),
    };
}


sub microseconds {
    my ($number, $unit) = ($_[0] // '') =~ /^([\d.]+)(us|ms|s)$/ or return 0;

    return $number * { us => 1, ms => 1000, s => 1_000_000 }->{$unit};
}


1;
