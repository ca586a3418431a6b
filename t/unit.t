#!/usr/bin/perl

# The unit tests of the leaves (t/unit): they run inside "nginx -t" of a module
# built for them alone, and print TAP; here each check becomes one of ours.

use strict;
use warnings;

use File::Path qw(make_path);
use Test::More;

my $module = $ENV{VCITA_OAUTH_UNIT_MODULE}
    or BAIL_OUT("VCITA_OAUTH_UNIT_MODULE is not set: run tools/test.sh");
my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $dir = $ENV{TEST_NGINX_SERVROOT} || 't/servroot';

make_path("$dir/logs");

open my $conf, '>', "$dir/nginx.conf" or die "$dir/nginx.conf: $!";
print $conf <<"END";
load_module $module;
pid nginx.pid;
error_log logs/error.log;
events { }
vcita_oauth_unit_test all;
END
close $conf;

open my $tap, '-|', "$nginx -t -e $dir/logs/error.log -p $dir/ -c nginx.conf"
                    . " 2>$dir/stderr"
    or die "$nginx: $!";

my ($planned, $ran) = (undef, 0);

while (my $line = <$tap>) {
    chomp $line;

    if ($line =~ /^(not )?ok \d+ - (.*)/) {
        $ran++;
        ok(!$1, $2);

    } elsif ($line =~ /^1\.\.(\d+)/) {
        $planned = $1;

    } elsif ($line =~ /^# (.*)/) {
        Test::More->builder->is_passing ? note($1) : diag($1);
    }
}

close $tap;
my $status = $?;

plan(skip_all => 'no unit tests yet') if $status == 0 && $ran == 0;

is($planned, $ran, 'all checks ran');
is($status, 0, 'nginx -t is content') or diag(slurp("$dir/stderr"));

done_testing();


sub slurp {
    my ($path) = @_;

    open my $file, '<', $path or return "$path: $!";
    local $/;
    return <$file>;
}
