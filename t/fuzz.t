#!/usr/bin/perl

# The fuzz targets (t/fuzz) with their seeds, each once and without a fuzzer:
# inside "nginx -t" of the module of the unit tests.  A property that does not
# hold ends that nginx; its last line says with which seed.

use strict;
use warnings;

use File::Basename qw(basename);
use File::Path qw(make_path);
use Test::More;

my $module = $ENV{VCITA_OAUTH_UNIT_MODULE}
    or BAIL_OUT("VCITA_OAUTH_UNIT_MODULE is not set: run tools/test.sh");
my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $dir = $ENV{TEST_NGINX_SERVROOT} || 't/servroot';

my @targets = map { basename($_, '.c') =~ s/^fuzz_//r } sort glob 't/fuzz/fuzz_*.c';

make_path("$dir/logs");

ok(@targets > 0, 'there are targets');

for my $target (@targets) {
    my $seeds = () = glob "t/fuzz/seeds/$target/*";
    my ($status, $replayed) = replay($target);

    is($status, 0, "$target: what holds for every input holds for its seeds")
        or diag(slurp("$dir/stderr"));
    cmp_ok($replayed, '==', $seeds, "$target: each of $seeds seeds was run");
}

my %is_target = map { $_ => 1 } @targets;

is_deeply([grep { !$is_target{$_} } map { basename($_) } glob 't/fuzz/seeds/*'],
          [], 'all seeds belong to a target');

done_testing();


# how that nginx ended, and how many inputs there were
sub replay {
    my ($target) = @_;

    open my $conf, '>', "$dir/nginx.conf" or die "$dir/nginx.conf: $!";
    print $conf <<"END";
load_module $module;
pid nginx.pid;
error_log logs/error.log;
events { }
vcita_oauth_fuzz_replay $target $ENV{PWD}/t/fuzz/seeds/$target;
END
    close $conf;

    my $out = `$nginx -t -e $dir/logs/error.log -p $dir/ -c nginx.conf 2>$dir/stderr`;

    return ($?, $out =~ /^(\d+)$/m ? $1 : 0);
}


sub slurp {
    my ($path) = @_;

    open my $file, '<', $path or return "$path: $!";
    local $/;
    return <$file>;
}
